// graph.clean: computes nothing twice and keeps nothing that nobody needs.
//
//   before   %a = relu(%x)                            after   %a = relu(%x)
//            %b = relu(%x)                                    %y = add(%a, %a)
//            %y = add(%a, %b)
//            %c = exp(%x)            // nobody uses it
//
// Two nodes are equal when op, operands, attributes and result types are (common subexpressions; the first one stays);
// nodes whose results are outputs of the module keep their names. Ids are numbered anew. Legal always: every op is a
// function of its operands.
#include <map>

#include "ir/op.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {};

const OptionSet<Options>& options() {
  static const OptionSet<Options> set("Joins nodes that compute the same and removes dead ones");
  return set;
}

bool equal_nodes(const Module& m, const Node& a, const Node& b) {
  if (a.op != b.op || a.inputs != b.inputs || a.attrs != b.attrs || a.outputs.size() != b.outputs.size()) return false;
  for (size_t i = 0; i < a.outputs.size(); ++i)
    if (!(m.value(a.outputs[i]).type == m.value(b.outputs[i]).type)) return false;
  return true;
}

bool gives_output(const Module& m, const Node& node) {
  for (const ValueId output : node.outputs)
    if (m.is_output(output)) return true;
  return false;
}

int join_equal(Module& m) {
  std::multimap<std::pair<const OpDef*, std::vector<ValueId>>, NodeId> seen;
  int joined = 0;
  for (const NodeId id : std::vector<NodeId>(m.order())) {
    const Node& node = m.node(id);
    const auto key = std::pair(node.op, node.inputs);
    NodeId twin = kNoId;
    for (auto [it, end] = seen.equal_range(key); it != end && twin == kNoId; ++it)
      if (equal_nodes(m, m.node(it->second), node)) twin = it->second;
    if (twin == kNoId || gives_output(m, node)) {
      seen.emplace(key, id);
      continue;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) m.replace_uses(node.outputs[i], m.node(twin).outputs[i]);
    m.erase_node(id);
    ++joined;
  }
  return joined;
}

Result<PassReport> run(Module& module, const Options&, PassContext&) {
  const int joined = join_equal(module);
  const auto dead = static_cast<int>(module.erase_dead());
  if (joined + dead > 0) module.compact();
  PassReport report;
  report.changed = joined + dead > 0;
  report.numbers = {{"nodes_joined", joined}, {"dead_removed", dead}};
  return report;
}

FASTC_REGISTER_PASS(
    graph_clean, Options,
    ({.name = "graph.clean", .summary = "joins nodes that compute the same and removes dead ones", .lossy = false}),
    options, run);

}  // namespace
}  // namespace fastc
