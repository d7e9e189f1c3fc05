// reduce_sum, reduce_mean, reduce_max, reduce_min over the listed axes.
//
// reduce_mean also runs on integers: y = clamp(zy + rne(float(Σ(qx − zx))·m)), m = float32(double(sx)/(double(sy)·count)).
#include <algorithm>
#include <set>

#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Result<Shape> reduced_shape(const OpView& view) {
  const auto& axes = view.node.integers("axes");
  const Type& x = view.in(0);
  const std::set<int64_t> unique(axes.begin(), axes.end());
  if (axes.empty() || unique.size() != axes.size() || *unique.begin() < 0 || *unique.rbegin() >= x.rank()) {
    return wrong_attribute("axes", fmt::format("different axes of a tensor of rank {}", x.rank()), fmt::format("{} entries", axes.size()));
  }
  Shape shape;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (unique.count(axis) == 0) {
      shape.push_back(x.shape[axis]);
    } else if (view.node.flag("keep_dims")) {
      shape.push_back(1);
    }
  }
  return shape;
}

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  if (view.in(0).dtype == DType::kBool) return wrong_operand(view, 0, "a number type (insert a cast)");
  FASTC_TRY(Shape shape, reduced_shape(view));
  return std::vector<Type>{{view.in(0).dtype, std::move(shape)}};
}

Types infer_mean(const OpView& view, const DeclaredQuant& quant) {
  if (!view.in(0).quant) FASTC_CHECK(expect_float(view, 0));
  FASTC_TRY(Shape shape, reduced_shape(view));
  return requantizes(view, quant, {view.in(0).dtype, std::move(shape)});
}

// Removing an element of a reduced axis would change the result (a mean's count, say): pinned.
void couple(const OpView& view, Coupler& coupler) {
  const auto& axes = view.node.integers("axes");
  int64_t out = 0;
  for (int64_t axis = 0; axis < view.in(0).rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) {
      pin_axis(coupler, view.node.inputs[0], axis);
      if (view.node.flag("keep_dims")) ++out;
    } else {
      tie_axis(coupler, view.node.inputs[0], axis, view.node.output(), out++);
    }
  }
}

OpDef define(std::string_view name, std::string_view summary, decltype(OpDef::infer) rule, IntegerRule integer_rule) {
  return {.name = name, .summary = summary, .operands = operands("x"),
          .attributes = {integers("axes", "which axes go"), flag("keep_dims", false, "leave them with length 1")},
          .infer = rule, .couple = couple, .integer = integer_rule, .sixteen_bits = integer_rule != IntegerRule::kNone};
}
const RegisterOp reduce_sum(define("reduce_sum", "sum over axes", infer, IntegerRule::kNone));
const RegisterOp reduce_mean(define("reduce_mean", "mean over axes", infer_mean, IntegerRule::kRequantizes));
const RegisterOp reduce_max(define("reduce_max", "largest over axes", infer, IntegerRule::kNone));
const RegisterOp reduce_min(define("reduce_min", "smallest over axes", infer, IntegerRule::kNone));

}  // namespace
}  // namespace fastc::ops
