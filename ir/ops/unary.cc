// Elementwise functions of one operand. relu and clip also run on integers: a clamp of the stored u8 or s16 (relu: at the zero point).
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer_float(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  FASTC_CHECK(expect_float(view, 0));
  return std::vector<Type>{view.in(0)};
}

Types infer_number(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  if (view.in(0).dtype == DType::kBool) return wrong_operand(view, 0, "a number type");
  return std::vector<Type>{view.in(0)};
}

Types infer_keeping(const OpView& view, const DeclaredQuant& quant) {
  if (view.in(0).dtype == DType::kBool) return wrong_operand(view, 0, "a number type");
  return keeps(view, quant, view.in(0));
}

Types infer_clip(const OpView& view, const DeclaredQuant& quant) {
  if (!(view.node.number("lo") <= view.node.number("hi"))) {
    return wrong_attribute("lo", "lo <= hi", fmt::format("{} and {}", view.node.number("lo"), view.node.number("hi")));
  }
  return infer_keeping(view, quant);
}

Types infer_not(const OpView& view, const DeclaredQuant&) {
  if (view.in(0).dtype != DType::kBool) return wrong_operand(view, 0, "bool");
  return std::vector<Type>{view.in(0)};
}

using Infer = decltype(OpDef::infer);

OpDef define(std::string_view name, std::string_view summary, Infer infer = infer_float, std::vector<AttrDef> attributes = {},
             IntegerRule integer = IntegerRule::kNone) {
  return {.name = name, .summary = summary, .operands = operands("x"), .attributes = std::move(attributes), .infer = infer,
          .couple = couple_elementwise, .integer = integer, .sixteen_bits = integer != IntegerRule::kNone, .elementwise = true};
}

const RegisterOp relu(define("relu", "max(x, 0)", infer_keeping, {}, IntegerRule::kKeeps));
const RegisterOp clip(define("clip", "min(max(x, lo), hi)", infer_clip, {number("lo", "lower bound"), number("hi", "upper bound")},
                             IntegerRule::kKeeps));
const RegisterOp leaky_relu(define("leaky_relu", "x, or slope·x where x < 0", infer_float, {number("slope", 0.01, "of the negative side")}));
const RegisterOp elu(define("elu", "x, or alpha·(exp(x) − 1) where x < 0", infer_float, {number("alpha", 1.0, "of the negative side")}));
const RegisterOp sigmoid(define("sigmoid", "1/(1 + exp(−x))"));
const RegisterOp tanh(define("tanh", "hyperbolic tangent"));
const RegisterOp gelu(define("gelu", "x·Φ(x), exact"));
const RegisterOp gelu_tanh(define("gelu_tanh", "x·Φ(x) by the tanh approximation"));
const RegisterOp silu(define("silu", "x·sigmoid(x)"));
const RegisterOp hard_swish(define("hard_swish", "x·clip(x + 3, 0, 6)/6"));
const RegisterOp hard_sigmoid(define("hard_sigmoid", "clip(x + 3, 0, 6)/6"));
const RegisterOp softplus(define("softplus", "log(1 + exp(x))"));
const RegisterOp exp(define("exp", "e to the x"));
const RegisterOp log(define("log", "natural logarithm"));
const RegisterOp sqrt(define("sqrt", "square root"));
const RegisterOp rsqrt(define("rsqrt", "1/sqrt(x)"));
const RegisterOp erf(define("erf", "error function"));
const RegisterOp sin(define("sin", "sine"));
const RegisterOp cos(define("cos", "cosine"));
const RegisterOp reciprocal(define("reciprocal", "1/x"));
const RegisterOp floor(define("floor", "largest whole number not above x"));
const RegisterOp neg(define("neg", "−x", infer_number));
const RegisterOp abs(define("abs", "|x|", infer_number));
const RegisterOp logical_not(define("logical_not", "not x, of bool", infer_not));

}  // namespace
}  // namespace fastc::ops
