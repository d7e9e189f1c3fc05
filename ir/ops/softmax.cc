// softmax, log_softmax and cumsum: each mixes the elements along one axis.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer_float(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  FASTC_CHECK(expect_float(view, 0));
  FASTC_CHECK(expect_axis(view.node.integer("axis"), view.in(0).rank()));
  return std::vector<Type>{view.in(0)};
}

Types infer_cumsum(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  if (view.in(0).dtype == DType::kBool) return wrong_operand(view, 0, "a number type (insert a cast)");
  FASTC_CHECK(expect_axis(view.node.integer("axis"), view.in(0).rank()));
  return std::vector<Type>{view.in(0)};
}

void couple(const OpView& view, Coupler& coupler) { couple_except(view, coupler, {view.node.integer("axis")}); }

OpDef define(std::string_view name, std::string_view summary, decltype(OpDef::infer) infer) {
  return {.name = name, .summary = summary, .operands = operands("x"), .attributes = {integer("axis", "the axis that is mixed")},
          .infer = infer, .couple = couple};
}
const RegisterOp softmax(define("softmax", "exp(x) over its sum along the axis", infer_float));
const RegisterOp log_softmax(define("log_softmax", "logarithm of softmax", infer_float));
const RegisterOp cumsum(define("cumsum", "running sum along the axis", infer_cumsum));

}  // namespace
}  // namespace fastc::ops
