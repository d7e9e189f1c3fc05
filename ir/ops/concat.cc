// concat: operands one after the other along one axis.
//
// Integers: each operand is brought to the result's parameters, y = clamp(zy + rne(float(q − z)·float32(double(s)/sy))); an operand
// that has them already is copied.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  if (view.node.inputs.empty()) return input_error("expected at least one operand, found none");
  const Type& first = view.in(0);
  const int64_t axis = view.node.integer("axis");
  FASTC_CHECK(expect_axis(axis, first.rank()));
  Type result{first.dtype, first.shape};
  for (size_t i = 1; i < view.node.inputs.size(); ++i) {
    FASTC_CHECK(expect_same_dtype(view, {0, i}));
    Shape like = first.shape;
    if (view.in(i).rank() == first.rank()) like[axis] = view.in(i).shape[axis];
    FASTC_CHECK(expect_shape(view, i, like, "of operand 0, but for the joined axis"));
    result.shape[axis] += view.in(i).shape[axis];
  }
  return requantizes(view, quant, std::move(result));
}

void couple(const OpView& view, Coupler& coupler) {
  const int64_t joined = view.node.integer("axis");
  const ValueId y = view.node.output();
  const bool known = view.out().shape[joined].is_constant();
  int64_t offset = 0;
  for (size_t i = 0; i < view.node.inputs.size(); ++i) {
    const ValueId x = view.node.inputs[i];
    for (int64_t axis = 0; axis < view.out().rank(); ++axis) {
      if (axis != joined) tie_axis(coupler, x, axis, y, axis);
    }
    if (!known || !view.in(i).shape[joined].is_constant()) {
      pin_axis(coupler, x, joined);
      pin_axis(coupler, y, joined);
      continue;
    }
    const int64_t count = view.in(i).shape[joined].constant();
    coupler.tie({.value = x, .axis = joined}, {.value = y, .axis = joined, .first = offset, .count = count});
    offset += count;
  }
}

const RegisterOp concat{{
    .name = "concat",
    .summary = "joins operands along one axis",
    .operands = operands("xs..."),
    .attributes = {integer("axis", "which axis")},
    .infer = infer,
    .cost = no_cost,
    .couple = couple,
    .integer = IntegerRule::kRequantizes,
    .sixteen_bits = true,
}};

}  // namespace
}  // namespace fastc::ops
