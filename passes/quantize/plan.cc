#include "passes/quantize/plan.h"

#include <algorithm>

#include "ir/op.h"
#include "ir/rewrite.h"

namespace fastc::quantize {
namespace {

bool integer_activation(const Node& node) {
  const std::string& name = node.string("activation");
  return name == "none" || name == "relu" || name == "clip";
}

bool is_weighted(const Node& node) { return is_op(node, "conv") || is_op(node, "linear"); }

// Has the op (not conv or linear) an integer form for these operands?
bool passes_integers(const Module& m, const Node& node, int bits) {
  if (bits == 16 && !node.op->sixteen_bits) return false;
  if (is_weighted(node) || is_op(node, "quantize") || is_op(node, "dequantize") || is_op(node, "conv_transpose"))
    return false;
  if (node.op->integer == IntegerRule::kNone || node.inputs.empty() || node.outputs.size() != 1) return false;
  for (const ValueId input : node.inputs)
    if (input == kNoId || m.is_weight(input) || m.value(input).type.dtype != DType::kF32) return false;
  if (is_op(node, "add"))
    return m.value(node.inputs[0]).type.shape == m.value(node.inputs[1]).type.shape && integer_activation(node);
  if (is_op(node, "reduce_mean")) {  // the integer mean is that over the pixels of [N,C,H,W] or [N,C,T,H,W]
    const int64_t rank = m.value(node.inputs[0]).type.rank();
    const auto& axes = node.integers("axes");
    return (rank == 4 && axes == std::vector<int64_t>{2, 3}) || (rank == 5 && axes == std::vector<int64_t>{2, 3, 4});
  }
  return true;
}

class Planner {
 public:
  Planner(const Module& m, const std::set<NodeId>& chosen, int bits) : m_(m), bits_(bits), wanted_(m.value_count(), false) {
    for (const NodeId id : chosen) {
      const std::string why = refusal(m, m.node(id), bits);
      if (why.empty()) {
        plan_.integer.insert(id);
      } else {
        plan_.refused.emplace_back(id, why);
      }
    }
  }

  Plan run() {
    for (auto it = m_.order().rbegin(); it != m_.order().rend(); ++it) want_operands(*it);
    for (const NodeId id : m_.order()) decide(id);
    return std::move(plan_);
  }

 private:
  // From the results back: which values would somebody read as u8?
  void want_operands(NodeId id) {
    const Node& node = m_.node(id);
    if (plan_.integer.contains(id)) {
      wanted_[node.inputs[0]] = true;
      if (node.input(3) != kNoId) wanted_[node.input(3)] = true;
    } else if (passes_integers(m_, node, bits_) && wanted_[node.output()]) {
      for (const ValueId input : node.inputs) wanted_[input] = true;
    }
  }

  void decide(NodeId id) {
    const Node& node = m_.node(id);
    const ValueId result = node.outputs[0];
    if (plan_.integer.contains(id)) {
      plan_.ranges.insert(node.inputs[0]);
      if (node.input(3) != kNoId) plan_.ranges.insert(node.input(3));
      // A result that nobody reads as u8 is f32, unless a residual is added, which happens in u8 only.
      const bool u8 = node.input(3) != kNoId || (wanted_[result] && integer_activation(node));
      if (u8) declare(result);
    } else if (passes_integers(m_, node, bits_) && wanted_[result] &&
               std::all_of(node.inputs.begin(), node.inputs.end(),
                           [&](ValueId v) { return plan_.quantized.contains(v); })) {
      plan_.integer.insert(id);
      if (node.op->integer == IntegerRule::kKeeps) {
        plan_.quantized.insert(result);
      } else {
        declare(result);
      }
    }
  }

  void declare(ValueId result) {
    plan_.quantized.insert(result);
    plan_.ranges.insert(result);
  }

  const Module& m_;
  const int bits_;
  std::vector<bool> wanted_;
  Plan plan_;
};

}  // namespace

std::vector<NodeId> weighted_nodes(const Module& module) {
  std::vector<NodeId> out;
  for (const NodeId id : module.order())
    if (is_weighted(module.node(id))) out.push_back(id);
  return out;
}

std::string refusal(const Module& m, const Node& node, int bits) {
  const ValueId weight = node.input(1);
  if (!m.is_weight(weight)) return "its weight is computed by the program";
  if (m.weight(weight).encoding.kind != Encoding::Kind::kDense || m.weight(weight).data.dtype() != DType::kF32)
    return "its weight is not dense f32";
  if (m.is_weight(node.inputs[0])) return "its input is a constant";  // no data flows through it, so no range is seen
  if (m.value(node.inputs[0]).type.dtype != DType::kF32) return "its input is not f32";
  if (node.input(2) != kNoId && !m.is_weight(node.input(2))) return "its bias is computed by the program";
  if (node.input(3) != kNoId && m.is_weight(node.input(3))) return "its residual is a constant";
  if (node.input(3) != kNoId && !integer_activation(node))
    return "its " + node.string("activation") + " after a residual has no integer form";
  for (const double v : to_doubles(m.weight(weight).data))
    if (!(v - v == 0)) return "its weight holds NaN or infinity";
  const auto& shape = m.weight(weight).data.shape();
  int64_t taps = 1;
  for (size_t i = 1; i < shape.size(); ++i) taps *= shape[i];
  // Σ |x − zx|·|w| must stay below 2^30, so that a bias as large still fits into 32 bits.
  if (bits == 8 && taps * 255 * 127 >= (int64_t{1} << 30))
    return fmt::format("its sums over {} products could overflow 32 bits", taps);
  return "";
}

Plan make_plan(const Module& module, const std::set<NodeId>& chosen, int bits) { return Planner(module, chosen, bits).run(); }

}  // namespace fastc::quantize
