// graph.norm: RMS normalization that a model spells out becomes the one op.
//
//   before   %s = mul(%x, %x)                       // or pow(%x, @two)       after   %norm = rms_norm(%x, @norm.weight) {eps=1e-6}
//            %m = reduce_mean(%s) {axes=[2], keep_dims=true}
//            %e = add(%m, @eps)
//            %r = rsqrt(%e)
//            %n = mul(%x, %r)
//            %y = mul(@norm.weight, %n)             // where there is a weight
//
// y = x/sqrt(mean(x²) + eps)·weight over the last axis (Zhang & Sennrich 2019). Legal when every step in between has that one use. Effect: one
// node in place of six, two passes over the activation; the mean no longer pins the channels of the residual stream.
#include <algorithm>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {};

const OptionSet<Options>& options() {
  static const OptionSet<Options> set("Raises RMS normalization written in primitive ops to one op");
  return set;
}

// The other operand of a commutative node; kNoId when `one` is none of its two.
ValueId beside(const Node& node, ValueId one) {
  if (node.inputs[0] == one) return node.inputs[1];
  return node.inputs[1] == one ? node.inputs[0] : kNoId;
}

bool is_square(const Module& m, ValueId id, ValueId x) {
  const Node* node = m.producer(id);
  if (node == nullptr) return false;
  if (is_op(*node, "mul")) return node->inputs[0] == x && node->inputs[1] == x;
  return is_op(*node, "pow") && node->inputs[0] == x && scalar_weight(m, node->inputs[1]) == 2.0;
}

// eps, when `id` is rsqrt(mean(x²) + eps) over the last axis and nothing else sees the steps.
std::optional<double> inverse_root_mean_square(const Module& m, const Uses& uses, ValueId id, ValueId x) {
  const Node* root = producer_of(m, id, "rsqrt");
  const Node* sum = root ? producer_of(m, root->inputs[0], "add") : nullptr;
  if (sum == nullptr || sum->string("activation") != "none") return {};
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const Node* mean = producer_of(m, sum->inputs[side], "reduce_mean");
    const auto eps = scalar_weight(m, sum->inputs[1 - side]);
    if (mean == nullptr || !eps || !(*eps >= 0) || m.weight(sum->inputs[1 - side]).trainable || !is_square(m, mean->inputs[0], x)) continue;
    const bool last_axis = mean->flag("keep_dims") && mean->integers("axes") == std::vector<int64_t>{m.value(x).type.rank() - 1};
    const ValueId steps[] = {mean->inputs[0], mean->output(), sum->output(), id};
    if (last_axis && std::all_of(std::begin(steps), std::end(steps), [&](ValueId step) { return uses.single_user(step) != kNoId; })) return eps;
  }
  return {};
}

// The weight of a multiplication by one number a channel, behind `normalized`; kNoId when there is none.
ValueId weight_behind(const Module& m, const Uses& uses, ValueId normalized) {
  const NodeId user = uses.single_user(normalized);
  if (user == kNoId || !is_op(m.node(user), "mul")) return kNoId;
  const ValueId weight = beside(m.node(user), normalized);
  const bool fits = m.is_weight(weight) && m.value(weight).type == Type{DType::kF32, {m.value(normalized).type.shape.back()}, {}};
  return fits && m.weight(weight).encoding.kind == Encoding::Kind::kDense ? weight : kNoId;
}

// "layers.0.norm" for layers.0.norm.weight; else beside the node it replaces.
std::string name_for(const Module& m, ValueId weight, const Node& replaced) {
  const std::string& from = weight == kNoId ? replaced.name : m.value(weight).name;
  const size_t dot = from.rfind('.');
  const std::string scope = dot == std::string::npos ? "" : from.substr(0, dot);
  if (weight != kNoId && !scope.empty()) return m.fresh_name(scope);
  return m.fresh_name(scope.empty() ? "rms_norm_1" : scope + ".rms_norm_1");
}

Result<bool> raise(Module& m, NodeId id) {
  const Node& product = m.node(id);
  if (product.op == nullptr || !is_op(product, "mul") || m.value(product.output()).type.dtype != DType::kF32) return false;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const ValueId x = product.inputs[side];
    if (m.is_weight(x) || m.value(x).type.rank() < 1 || producer_of(m, product.inputs[1 - side], "rsqrt") == nullptr) continue;
    const Uses uses(m);
    const auto eps = inverse_root_mean_square(m, uses, product.inputs[1 - side], x);
    if (!eps) continue;
    const ValueId weight = weight_behind(m, uses, product.output());
    const NodeId last = weight == kNoId ? id : uses.single_user(product.output());
    const std::string source = m.node(last).source;
    std::vector<ValueId> inputs{x};
    if (weight != kNoId) inputs.push_back(weight);
    FASTC_TRY(const NodeId norm, m.add_node("rms_norm", name_for(m, weight, product), std::move(inputs), {{"eps", *eps}}, {}, last));
    m.node(norm).source = source;
    m.replace_uses(m.node(last).output(), m.node(norm).output());
    return true;
  }
  return false;
}

Result<PassReport> run(Module& module, const Options&, PassContext&) {
  int raised = 0;
  for (const NodeId id : std::vector<NodeId>(module.order())) {
    FASTC_TRY(const bool done, raise(module, id));
    raised += done;
  }
  module.erase_dead();
  FASTC_CHECK(module.infer_types());
  PassReport report;
  report.changed = raised > 0;
  report.numbers = {{"norms_raised", raised}};
  return report;
}

FASTC_REGISTER_PASS(graph_norm, Options,
                    ({.name = "graph.norm", .summary = "raises RMS normalization written in primitive ops to one op", .lossy = false}), options, run);

}  // namespace
}  // namespace fastc
