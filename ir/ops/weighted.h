// What conv and linear share: which arithmetic their operands call for, their bias and residual, and the fused epilogue.
//
//   float    x f32, weight f32, bias f32                          → f32
//   integer  x u8 with parameters, weight s8 (int8 encoding, axis 0), bias i32 in units of sx·sw[o]
//            → u8 with declared parameters, or f32 when none are declared
//              acc:int32 = Σ (qx − zx)·qw + bias,  m[o] = float32(double(sx)·sw[o] / sy)
//              y = clamp(zy + rne(float(acc)·m))                                  without a residual
//              y = clamp(zy + rne(float(acc)·m + float(qr − zr)·float32(double(sr)/sy)))   two multiplies, one add, no fma
//              f32 result: y = float(acc)·float32(double(sx)·sw[o]), then the activation; no residual
//            clamp: to [0, 255]; relu raises the lower bound to zy; clip to the quantized lo and hi
//   16 bits  x s16 (zero point 0), weight s8 or s16 (an encoding of at most 8 bits, or of 16), bias i32 → s16 with declared parameters, or f32
//              acc:int64 = Σ qx·qw + bias, the rest as above; clamp: to ±32767
//   stored   x f32, weight s8 with int8 or int4 encoding along axis 0 (one scale a channel or a group of its inputs), or f16 or bf16; bias f32 → f32
//              the weight only takes less room: its numbers are read as f32, and the arithmetic is that of floats
//   dynamic  x f32, weight s8 (int8 encoding, axis 0), bias f32, attribute dynamic = "tensor" or "row" → f32
//              the range of x (or of each row), widened to hold 0, is taken at run time: scale = (max − min)/255
#pragma once

#include "ir/ops/common.h"

namespace fastc::ops {

enum class Arithmetic : uint8_t { kFloat, kInteger, kStored, kDynamic };

// Operand 0 is x, operand 1 the weight, in all of these.
Result<Arithmetic> arithmetic_of(const OpView& view);

std::vector<AttrDef> with_epilogue(std::vector<AttrDef> attributes);  // adds activation, lo, hi
Status check_epilogue(const OpView& view, bool integer_result);
Dim epilogue_flops(const OpView& view, bool residual);  // one per element for an activation, one for a residual

// The result's type once its shape is known: checks bias (operand 2, [channels]), residual (operand 3), and the epilogue.
Types weighted_result(const OpView& view, const DeclaredQuant& quant, Shape shape, const Dim& channels);

}  // namespace fastc::ops
