// pad: a constant around the operand. Integers: the constant is quantized with the operand's parameters, clamp(z + rne(value/s)).
#include <algorithm>

#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  const Type& x = view.in(0);
  FASTC_CHECK(expect_entries(view, "padding", 2 * x.rank(), 0));
  const auto& padding = view.node.integers("padding");
  Type result{x.dtype, x.shape};
  for (int64_t axis = 0; axis < x.rank(); ++axis) result.shape[axis] += padding[axis] + padding[x.rank() + axis];
  return keeps(view, quant, std::move(result));
}

// The operand's elements live with the result's, shifted; the added ones are free to go with whatever else needs them.
void couple(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], y = view.node.output();
  const auto& padding = view.node.integers("padding");
  const int64_t rank = view.in(0).rank();
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (padding[axis] == 0 && padding[rank + axis] == 0) {
      tie_axis(coupler, x, axis, y, axis);
    } else if (view.in(0).shape[axis].is_constant()) {
      coupler.tie({.value = x, .axis = axis}, {.value = y, .axis = axis, .first = padding[axis], .count = view.in(0).shape[axis].constant()});
    }
  }
}

Status shrink(Module& module, Node& node, const Kept& kept) {
  auto padding = node.integers("padding");
  const Type& x = module.value(node.inputs[0]).type;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    const auto left = kept.of(node.output(), axis);
    if (!left || !x.shape[axis].is_constant()) continue;
    const int64_t begin = padding[axis], end = begin + x.shape[axis].constant();
    const auto first = std::lower_bound(left->begin(), left->end(), begin), last = std::lower_bound(left->begin(), left->end(), end);
    padding[axis] = first - left->begin();
    padding[x.rank() + axis] = left->end() - last;
  }
  node.attrs.find("padding")->second = std::move(padding);
  return {};
}

const RegisterOp pad{{
    .name = "pad",
    .summary = "surrounds the operand with a constant",
    .operands = operands("x"),
    .attributes = {integers("padding", "elements added: beginnings of all axes, then ends"), number("value", 0.0, "the constant")},
    .infer = infer,
    .cost = no_cost,
    .couple = couple,
    .shrink = shrink,
    .integer = IntegerRule::kKeeps,
    .sixteen_bits = true,
}};

}  // namespace
}  // namespace fastc::ops
