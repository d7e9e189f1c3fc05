// linear: y[…,o] = act(Σ_k x[…,k]·weight[o,k] + bias[o] + residual[…,o]).
//
// Integer and dynamic arithmetic: weighted.h.
#include "ir/ops/weighted.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  if (view.in(0).rank() < 1) return wrong_operand(view, 0, "rank 1 or more [...,K]");
  if (view.in(1).rank() != 2) return wrong_operand(view, 1, "rank 2 [O,K]");
  Shape shape = view.in(0).shape;
  const Shape& weight = view.in(1).shape;
  if (shape.back() != weight[1]) {
    return wrong_operand(view, 1, fmt::format("{} input features on axis 1 (\"x\" is {})", shape.back().text(), type_text(view.in(0))));
  }
  shape.back() = weight[0];
  return weighted_result(view, quant, std::move(shape), weight[0]);
}

Cost cost(const OpView& view) {
  return mac_cost(elements(view.out()) * view.in(1).shape[1], epilogue_flops(view, view.has(3)));
}

void couple(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], weight = view.node.inputs[1], y = view.node.output();
  const int64_t last = view.out().rank() - 1;
  for (int64_t axis = 0; axis < last; ++axis) tie_axis(coupler, x, axis, y, axis);
  tie_axis(coupler, x, last, weight, 1);
  tie_axis(coupler, weight, 0, y, last);
  tie_axis(coupler, view.node.input(2), 0, y, last);
  if (view.has(3)) tie_broadcast(view, coupler, 3);
}

const RegisterOp linear{{
    .name = "linear",
    .summary = "x [...,K] times the transposed weight [O,K], plus bias",
    .operands = operands("x, weight, bias?, residual?"),
    .attributes = with_epilogue({text("dynamic", "", "int8 weight under a float x: range of x per \"tensor\" or \"row\"")}),
    .infer = infer,
    .cost = cost,
    .couple = couple,
    .integer = IntegerRule::kRequantizes,
    .sixteen_bits = true,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
