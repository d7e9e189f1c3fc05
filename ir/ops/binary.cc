// Elementwise functions of two operands with numpy broadcasting. Types match exactly; frontends insert casts.
//
// add also runs on integers (operands of one shape, each with its own parameters):
//   y = clamp(zy + rne(float(qa − za)·(sa/sy) + float(qb − zb)·(sb/sy))), the ratios in double, stored as f32; no fma
// and carries a fused activation.
#include "ir/ops/weighted.h"

namespace fastc::ops {
namespace {

Types infer_add(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_same_dtype(view, {0, 1}));
  if (view.in(0).dtype == DType::kBool) return wrong_operand(view, 0, "a number type");
  if (view.in(0).quant) FASTC_CHECK(expect_shape(view, 1, view.in(0).shape, "quantized operands are added without broadcasting"));
  FASTC_CHECK(check_epilogue(view, view.in(0).quant.has_value()));
  FASTC_TRY(Shape shape, broadcast(view.in(0).shape, view.in(1).shape));
  return requantizes(view, quant, {view.in(0).dtype, std::move(shape)});
}

Types broadcast_to(const OpView& view, const DeclaredQuant& quant, DType result) {
  FASTC_CHECK(expect_unquantized(view, quant));
  FASTC_CHECK(expect_same_dtype(view, {0, 1}));
  FASTC_TRY(Shape shape, broadcast(view.in(0).shape, view.in(1).shape));
  return std::vector<Type>{{result, std::move(shape)}};
}

Types infer_number(const OpView& view, const DeclaredQuant& quant) {
  if (view.in(0).dtype == DType::kBool) return wrong_operand(view, 0, "a number type");
  return broadcast_to(view, quant, view.in(0).dtype);
}
Types infer_float(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_float(view, 0));
  return broadcast_to(view, quant, view.in(0).dtype);
}
Types infer_compare(const OpView& view, const DeclaredQuant& quant) { return broadcast_to(view, quant, DType::kBool); }
Types infer_logical(const OpView& view, const DeclaredQuant& quant) {
  if (view.in(0).dtype != DType::kBool) return wrong_operand(view, 0, "bool");
  return broadcast_to(view, quant, DType::kBool);
}

Cost cost_add(const OpView& view) { return mac_cost(0, elements(view.out()) + epilogue_flops(view, false)); }

using Infer = decltype(OpDef::infer);
OpDef define(std::string_view name, std::string_view summary, Infer infer) {
  return {.name = name, .summary = summary, .operands = operands("a, b"), .infer = infer, .couple = couple_elementwise, .elementwise = true};
}

const RegisterOp add{{.name = "add",
                      .summary = "a + b, then an activation",
                      .operands = operands("a, b"),
                      .attributes = with_epilogue({}),
                      .infer = infer_add,
                      .cost = cost_add,
                      .couple = couple_elementwise,
                      .integer = IntegerRule::kRequantizes,
                      .sixteen_bits = true,
                      .elementwise = true}};
const RegisterOp sub(define("sub", "a − b", infer_number));
const RegisterOp mul(define("mul", "a·b", infer_number));
const RegisterOp div(define("div", "a/b, of floats", infer_float));
const RegisterOp pow(define("pow", "a to the b, of floats", infer_float));
const RegisterOp minimum(define("minimum", "the smaller", infer_number));
const RegisterOp maximum(define("maximum", "the larger", infer_number));
const RegisterOp eq(define("eq", "a = b", infer_compare));
const RegisterOp ne(define("ne", "a ≠ b", infer_compare));
const RegisterOp lt(define("lt", "a < b", infer_compare));
const RegisterOp le(define("le", "a ≤ b", infer_compare));
const RegisterOp gt(define("gt", "a > b", infer_compare));
const RegisterOp ge(define("ge", "a ≥ b", infer_compare));
const RegisterOp logical_and(define("logical_and", "a and b", infer_logical));
const RegisterOp logical_or(define("logical_or", "a or b", infer_logical));

}  // namespace
}  // namespace fastc::ops
