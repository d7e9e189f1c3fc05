// slice: elements start, start + step, … below end, along one axis; start and end lie in [0, size].
#include <algorithm>

#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  const Type& x = view.in(0);
  const int64_t axis = view.node.integer("axis"), step = view.node.integer("step");
  FASTC_CHECK(expect_axis(axis, x.rank()));
  if (step < 1 || step > (int64_t{1} << 31)) return wrong_attribute("step", "1 to 2^31", fmt::format("{}", step));
  const Dim start = dim_of(view.node, "start"), end = dim_of(view.node, "end");
  const auto outside = [&](const Dim& low, const Dim& high) {
    const Dim room = high - low;
    return room.is_constant() && room.constant() < 0;
  };
  if (outside(0, start) || outside(start, end) || outside(end, x.shape[axis])) {
    return wrong_attribute("start", fmt::format("0 <= start <= end <= {}", x.shape[axis].text()), fmt::format("start {}, end {}", start.text(), end.text()));
  }
  Type result{x.dtype, x.shape};
  result.shape[axis] = floor_div(end - start + (step - 1), step);
  return keeps(view, quant, std::move(result));
}

void couple(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], y = view.node.output();
  const int64_t sliced = view.node.integer("axis"), step = view.node.integer("step");
  for (int64_t axis = 0; axis < view.in(0).rank(); ++axis) {
    if (axis != sliced) tie_axis(coupler, x, axis, y, axis);
  }
  const Dim start = dim_of(view.node, "start");
  const Dim& count = view.out().shape[sliced];
  if (view.in(0).shape[sliced] == count) {
    tie_axis(coupler, x, sliced, y, sliced);
  } else if (step == 1 && start.is_constant() && count.is_constant()) {
    coupler.tie({.value = x, .axis = sliced, .first = start.constant(), .count = count.constant()}, {.value = y, .axis = sliced});
  } else {  // what is left of a strided pattern need not be strided
    pin_axis(coupler, x, sliced);
    pin_axis(coupler, y, sliced);
  }
}

Status shrink(Module& module, Node& node, const Kept& kept) {
  const int64_t axis = node.integer("axis");
  const auto left = kept.of(node.inputs[0], axis);
  if (!left) return {};
  const Dim start = dim_of(node, "start"), end = dim_of(node, "end");
  if (!start.is_constant() || !end.is_constant()) return internal_error("{}: channels were removed under a symbolic slice", node.name);
  (void)module;
  const auto below = [&](const Dim& bound) {
    return Dim(static_cast<int64_t>(std::lower_bound(left->begin(), left->end(), bound.constant()) - left->begin()));
  };
  node.attrs.find("start")->second = below(start);
  node.attrs.find("end")->second = below(end);
  return {};
}

const RegisterOp slice{{
    .name = "slice",
    .summary = "a range of one axis, with a step",
    .operands = operands("x"),
    .attributes = {integer("axis", "which axis"), dim("start", "first element"), dim("end", "one behind the last"), integer("step", 1, "distance")},
    .infer = infer,
    .cost = no_cost,
    .couple = couple,
    .shrink = shrink,
    .integer = IntegerRule::kKeeps,
    .sixteen_bits = true,
}};

}  // namespace
}  // namespace fastc::ops
