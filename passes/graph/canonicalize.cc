// graph.canonicalize: one way to say each thing, so that later passes know fewer patterns.
//
//   before   %a = reshape(%x) {shape=[N,6]}           after   %b = reshape(%x) {shape=[N,2,3]}
//            %b = reshape(%a) {shape=[N,2,3]}
//            %c = slice(%b) {axis=1, start=0, end=2, step=1}      (%c's users use %b)
//            %d = mul(@two, @three)                               @d : f32[] = 6
//
// - Nodes that change nothing go: cast to the own type, reshape or expand to the own shape, permute in order, slice of
//   everything, resize to the own size, pad of nothing, concat of one, multiplication by 1, mean over no axes.
// - A reshape of a reshape reads the first one's operand; two permutes become one.
// - Nodes whose operands are all constants become weights, evaluated by the engine. Trained weights are only folded
// through
//   reshape and permute, and only when nothing else uses them: two copies would train apart; and through slices, when
//   all that is used of the weight is parts that do not overlap (the query, key and value of one projection).
// - Dead nodes and unused weights go.
// Legal always: every number is computed as before (a transposed weight that became dense may be summed in another
// order). Constants of more than 65,536 elements are not made: a small file must not become a large one.
#include <algorithm>

#include "engine/engine.h"
#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {};

const OptionSet<Options>& options() {
  static const OptionSet<Options> set("Removes nodes that change nothing and computes constants");
  return set;
}

constexpr int64_t kMostConstantElements = 65536;

bool in_order(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

// The operand that the node's result equals, or kNoId.
ValueId same_as(const Module& m, const Node& node) {
  const ValueId x = node.input(0);
  if (x == kNoId || node.outputs.size() != 1) return kNoId;
  const auto& name = node.op->name;
  const bool same_type = m.value(x).type == m.value(node.output()).type;
  if (name == "mul" || name == "div") {
    if (same_type && scalar_weight(m, node.inputs[1]) == 1.0) return x;
    const bool other_type = m.value(node.inputs[1]).type == m.value(node.output()).type;
    return name == "mul" && other_type && scalar_weight(m, x) == 1.0 ? node.inputs[1] : kNoId;
  }
  if (!same_type) return kNoId;
  if (name == "cast" || name == "reshape" || name == "expand" || name == "slice" || name == "pad" || name == "resize") {
    // Types alone do not tell a slice that steps backwards, or a pad that cuts as much as it adds.
    if (name == "slice") return node.integer("step") == 1 ? x : kNoId;
    if (name == "pad") {
      const auto& padding = node.integers("padding");
      return std::all_of(padding.begin(), padding.end(), [](int64_t p) { return p == 0; }) ? x : kNoId;
    }
    return x;
  }
  if (name == "permute") return in_order(node.integers("perm")) ? x : kNoId;
  if (name == "concat") return node.inputs.size() == 1 ? x : kNoId;
  if (name == "reduce_mean") return node.integers("axes").empty() ? x : kNoId;
  return kNoId;
}

bool skip_same(Module& m, NodeId id) {
  const Node& node = m.node(id);
  const ValueId same = same_as(m, node);
  // A weight that the module gives out directly would lose its node's name; so would an output that is an input.
  if (same == kNoId || (m.is_output(node.output()) && m.producer(same) == nullptr)) return false;
  m.replace_uses(node.output(), same);
  m.erase_node(id);
  return true;
}

bool join_views(Module& m, NodeId id) {
  Node& node = m.node(id);
  if (is_op(node, "reshape")) {
    const Node* first = producer_of(m, node.inputs[0], "reshape");
    if (first == nullptr) return false;
    node.inputs[0] = first->inputs[0];
    return true;
  }
  if (!is_op(node, "permute")) return false;
  const Node* first = producer_of(m, node.inputs[0], "permute");
  if (first == nullptr) return false;
  std::vector<int64_t> perm;
  for (const int64_t axis : node.integers("perm")) perm.push_back(first->integers("perm")[static_cast<size_t>(axis)]);
  node.inputs[0] = first->inputs[0];
  node.attrs["perm"] = std::move(perm);
  return true;
}

// A bound that is known, or -1.
int64_t known_bound(const Node& node, std::string_view name) {
  const Attr& bound = node.attrs.find(name)->second;
  if (const auto* n = std::get_if<int64_t>(&bound)) return *n;
  const Dim* d = std::get_if<Dim>(&bound);
  return d && d->is_constant() ? d->constant() : -1;
}

// Whether the weight is only cut along one axis, into parts that do not overlap.
bool only_parts(const Module& m, const Uses& uses, ValueId weight) {
  std::vector<std::pair<int64_t, int64_t>> parts;
  const Node& first = m.node(uses.users(weight)[0]);
  for (const NodeId id : uses.users(weight)) {
    const Node& node = m.node(id);
    if (!is_op(node, "slice") || node.integer("step") != 1 || node.integer("axis") != first.integer("axis")) return false;
    parts.emplace_back(known_bound(node, "start"), known_bound(node, "end"));
    if (parts.back().first < 0 || parts.back().second < 0) return false;
  }
  std::sort(parts.begin(), parts.end());
  for (size_t i = 1; i < parts.size(); ++i)
    if (parts[i].first < parts[i - 1].second) return false;
  return uses.count(weight) == static_cast<int>(parts.size());  // else it is an output, too
}

bool may_fold(const Module& m, const Uses& uses, const Node& node) {
  if (node.outputs.size() != 1 || m.is_output(node.output())) return false;
  const Type& type = m.value(node.output()).type;
  const Dim size = product(type.shape);
  if (type.quant || !size.is_constant()) return false;
  if (is_op(node, "slice") && m.is_weight(node.inputs[0]) && m.weight(node.inputs[0]).encoding.kind == Encoding::Kind::kDense && only_parts(m, uses, node.inputs[0])) return true;
  if (size.constant() > kMostConstantElements) return false;
  const bool view = is_op(node, "reshape") || is_op(node, "permute");
  for (const ValueId input : node.inputs) {
    if (input == kNoId) continue;
    if (!m.is_weight(input) || m.weight(input).encoding.kind != Encoding::Kind::kDense) return false;
    if (m.weight(input).trainable && !(view && uses.count(input) == 1)) return false;
  }
  return true;
}

Result<bool> fold_constant(Module& m, const Uses& uses, NodeId id) {
  const Node& node = m.node(id);
  if (!may_fold(m, uses, node)) return false;
  std::vector<Tensor> operands;
  bool trainable = false;
  for (const ValueId input : node.inputs) {
    operands.push_back(input == kNoId ? Tensor() : m.weight(input).data);
    trainable |= input != kNoId && m.weight(input).trainable;
  }
  FASTC_TRY(std::vector<Tensor> results, evaluate_node(m, id, operands));
  const std::string name = node.name;
  const ValueId old = node.output();
  rename_node(m, id, m.fresh_name(name + ".folded"));
  const ValueId value = m.add_weight(name, Weight{results.at(0).to_contiguous(), {}, trainable});
  m.replace_uses(old, value);
  m.erase_node(id);
  return true;
}

Result<PassReport> run(Module& module, const Options&, PassContext&) {
  int same = 0, joined = 0, constants = 0;
  for (const NodeId id : std::vector<NodeId>(module.order())) {
    if (join_views(module, id)) ++joined;
    if (skip_same(module, id)) {
      ++same;
      continue;
    }
    FASTC_TRY(const bool folded, fold_constant(module, Uses(module), id));
    constants += folded;
  }
  const auto dead = static_cast<int>(module.erase_dead());
  FASTC_CHECK(module.infer_types());
  PassReport report;
  report.changed = same + joined + constants + dead > 0;
  report.numbers = {{"nodes_without_effect", same},
                    {"views_joined", joined},
                    {"constants_folded", constants},
                    {"dead_removed", dead}};
  return report;
}

FASTC_REGISTER_PASS(graph_canonicalize, Options,
                    ({.name = "graph.canonicalize",
                      .summary = "removes nodes without effect, joins views and folds constants",
                      .lossy = false}),
                    options, run);

}  // namespace
}  // namespace fastc
