// quantize:   y = clamp(zy + rne(x·float32(1/sy))), with the parameters declared for y: to [0, 255], or under 16 bits to ±32767.
// dequantize: y = sx·(qx − zx).
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer_quantize(const OpView& view, const DeclaredQuant& quant) {
  if (view.in(0).dtype != DType::kF32) return wrong_operand(view, 0, "f32");
  if (!quant) return input_error("expected quantization parameters declared for the result of quantize, found none");
  return std::vector<Type>{{quant->dtype(), view.in(0).shape, quant}};
}

Types infer_dequantize(const OpView& view, const DeclaredQuant& quant) {
  if (!view.in(0).quant) return wrong_operand(view, 0, "a quantized value");
  if (quant) return input_error("expected no quantization parameters on the result of dequantize, found some");
  return std::vector<Type>{{DType::kF32, view.in(0).shape}};
}

const RegisterOp quantize{{
    .name = "quantize",
    .summary = "f32 to u8, or to s16, with declared scale and zero point",
    .operands = operands("x"),
    .infer = infer_quantize,
    .couple = couple_elementwise,
    .integer = IntegerRule::kRequantizes,
    .elementwise = true,
}};
const RegisterOp dequantize{{
    .name = "dequantize",
    .summary = "u8 or s16 back to f32",
    .operands = operands("x"),
    .infer = infer_dequantize,
    .couple = couple_elementwise,
    .integer = IntegerRule::kKeeps,
    .elementwise = true,
}};

}  // namespace
}  // namespace fastc::ops
