// permute: axis i of the result is axis perm[i] of the operand.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  const auto& perm = view.node.integers("perm");
  const Type& x = view.in(0);
  std::vector<bool> seen(x.shape.size());
  Type result{x.dtype, {}};
  for (const int64_t axis : perm) {
    if (axis < 0 || axis >= x.rank() || seen[axis]) return wrong_attribute("perm", fmt::format("every axis of a tensor of rank {} once", x.rank()), fmt::format("{} at place {}", axis, result.shape.size()));
    seen[axis] = true;
    result.shape.push_back(x.shape[axis]);
  }
  if (result.rank() != x.rank()) return wrong_attribute("perm", fmt::format("{} entries", x.rank()), fmt::format("{}", perm.size()));
  return keeps(view, quant, std::move(result));
}

void couple(const OpView& view, Coupler& coupler) {
  const auto& perm = view.node.integers("perm");
  for (size_t i = 0; i < perm.size(); ++i) tie_axis(coupler, view.node.inputs[0], perm[i], view.node.output(), static_cast<int64_t>(i));
}

const RegisterOp permute{{
    .name = "permute",
    .summary = "reorders axes",
    .operands = operands("x"),
    .attributes = {integers("perm", "the operand's axis for each axis of the result")},
    .infer = infer,
    .cost = no_cost,
    .couple = couple,
    .integer = IntegerRule::kKeeps,
    .sixteen_bits = true,
}};

}  // namespace
}  // namespace fastc::ops
