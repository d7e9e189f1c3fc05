// The integer contract (backends/runtime/format.h), evaluated exactly. Integers are kept in float32 where every partial sum
// is provably below 2^24 in magnitude (then float32 arithmetic is exact in whatever order LibTorch adds), else in float64.
//
// Activations of 16 bits have zero points of 0 and the same formulas; their sums are taken in float64 (exact below 2^53).
//
//   acc = Σ(qx−zx)·qw + bias                y = clamp(zy + rne(float(acc)·m [+ float(qr−zr)·residual_m]))
//   m = float32(double(sx)·sw / sy)         residual_m = float32(double(sr) / sy)
#pragma once

#include "engine/eval.h"

namespace fastc::engine {

struct Clamp {
  int32_t low, high;
};
inline Clamp whole(const Quant& quant) { return {quant.low(), quant.high()}; }
// Bounds of a quantized result under a fused activation ("none", "relu", "clip"); others cannot be integer.
Result<Clamp> clamp_of(std::string_view activation, double lo, double hi, const Quant& quant);
// clamp(z + rne(x/s)): how a single real number (a bound, a padding value) becomes an integer.
int32_t quantized(double x, const Quant& quant);
// v: f32, already in units of the result's scale; overwritten. → u8 or s16
at::Tensor requantize(at::Tensor v, const Quant& y, Clamp clamp);

// conv or linear: from the exact sum to the result.
struct IntegerProduct {
  int32_t x_zero_point = 0;
  at::ScalarType exact = at::kDouble;  // the type sums are taken in
  at::Tensor weight;                   // of that type
  at::Tensor bias;                     // f64, shaped to broadcast over the result; undefined when absent
  at::Tensor multiplier;               // f32, shaped likewise
  bool to_float = false;               // y = float(acc)·m, no Quant on the result
  Quant y;
  int32_t residual_zero_point = 0;
  Clamp clamp{};
  float residual_multiplier = 0;

  at::Tensor operand(const at::Tensor& x) const;  // qx − zx in the exact type
  at::Tensor result(const at::Tensor& acc, const at::Tensor& residual) const;
};
// Operands: x, weight, bias?, residual?. `trailing`: axes after the channel axis of the result (2 for an image, 0 for linear).
Result<IntegerProduct> integer_product(const Site& site, int64_t trailing);

}  // namespace fastc::engine
