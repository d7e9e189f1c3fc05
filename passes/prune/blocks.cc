#include "passes/prune/blocks.h"

#include <algorithm>
#include <set>

#include "ir/op.h"
#include "ir/rewrite.h"

namespace fastc::prune {
namespace {

// The nodes between `in` and `out`: all that `out` needs down to `in`. Nothing when `out` also depends on another activation.
std::vector<NodeId> branch_between(const Module& module, ValueId in, ValueId out) {
  std::set<NodeId> nodes;
  std::vector<ValueId> open{out};
  while (!open.empty()) {
    const ValueId value = open.back();
    open.pop_back();
    if (value == kNoId || value == in || module.is_weight(value)) continue;
    const Node* producer = module.producer(value);
    if (producer == nullptr) return {};  // another input of the network
    const NodeId id = module.value(value).producer;
    if (!nodes.insert(id).second) continue;
    open.insert(open.end(), producer->inputs.begin(), producer->inputs.end());
  }
  return {nodes.begin(), nodes.end()};
}

// Nothing behind the block reads what the branch computes.
bool closed(const Module& module, const std::vector<NodeId>& branch, NodeId join, const std::vector<std::vector<NodeId>>& uses) {
  for (const NodeId id : branch) {
    for (const ValueId value : module.node(id).outputs) {
      if (module.is_output(value)) return false;
      for (const NodeId user : uses[static_cast<size_t>(value)]) {
        if (user != join && !std::binary_search(branch.begin(), branch.end(), user)) return false;
      }
    }
  }
  return true;
}

std::string common_name(const Module& module, const std::vector<NodeId>& branch, NodeId join) {
  if (branch.empty()) return module.node(join).name;
  std::string prefix = module.node(branch.front()).name;
  for (const NodeId id : branch) {
    const std::string& name = module.node(id).name;
    const auto [end, unused] = std::mismatch(prefix.begin(), prefix.end(), name.begin(), name.end());
    prefix.erase(end, prefix.end());
  }
  const size_t dot = branch.size() == 1 ? std::string::npos : prefix.rfind('.');
  return dot == std::string::npos ? module.node(join).name : prefix.substr(0, dot);
}

struct Candidate {
  ValueId out, in;  // the branch's end and the shortcut
  bool fused;       // the join itself is the branch's last layer
};

// add(f, u) in either order; conv or linear with a fused residual.
std::vector<Candidate> candidates(const Node& node) {
  if (node.op->name == "add") return {{node.input(0), node.input(1), false}, {node.input(1), node.input(0), false}};
  if ((node.op->name == "conv" || node.op->name == "linear") && node.input(3) != kNoId) return {{node.input(0), node.input(3), true}};
  return {};
}

bool reads(const Module& module, const std::vector<NodeId>& branch, ValueId value) {
  return std::any_of(branch.begin(), branch.end(), [&](NodeId id) {
    const auto& inputs = module.node(id).inputs;
    return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
  });
}

}  // namespace

std::vector<Block> find_blocks(const Module& module) {
  std::vector<Block> blocks;
  const auto uses = module.uses();
  for (const NodeId id : module.order()) {
    const Node& join = module.node(id);
    for (const auto& [out, in, fused] : candidates(join)) {
      if (out == kNoId || in == kNoId || module.is_weight(in) || module.is_weight(out)) continue;
      if (!(module.value(in).type == module.value(join.output()).type)) continue;
      const auto branch = branch_between(module, in, out);
      const bool whole = reads(module, branch, in) || (fused && out == in);
      if (!whole || !closed(module, branch, id, uses)) continue;
      blocks.push_back({common_name(module, branch, id), id, in, branch});
      break;
    }
  }
  return blocks;
}

Status drop_block(Module& module, const Block& block) {
  const Node join = module.node(block.join);
  const std::string activation = join.attrs.count("activation") ? join.string("activation") : "none";
  ValueId result = block.in;
  if (activation != "none") {
    Attrs attrs;
    if (activation == "clip") attrs = {{"lo", join.number("lo")}, {"hi", join.number("hi")}};
    FASTC_TRY(const NodeId node, module.add_node(activation, module.fresh_name(join.name + "." + activation), {block.in}, attrs, {}, block.join));
    result = module.node(node).output();
  }
  module.replace_uses(join.output(), result);
  module.erase_dead();
  return {};
}

}  // namespace fastc::prune
