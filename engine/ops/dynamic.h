// int8 weights with activations quantized at run time: u8, asymmetric, one range for the whole tensor or, in linear, for each row of K
// numbers. The range always contains 0, so that 0 is exact. All steps in float32, as in backends/runtime/ops/dynamic.cc:
//
//   lo = min(0, min x), hi = max(0, max x), s = (hi − lo) / 255 (1 when hi = lo), inv = 1/s, z = clamp(rne(−lo/s))
//   q = clamp(z + rne(x·inv))     y = float(Σ(q−z)·qw) · (s·sw) + bias, then the activation
#pragma once

#include "engine/eval.h"

namespace fastc::engine {

struct DynamicProduct {
  bool per_row = false;
  int64_t trailing = 0;   // spatial axes after the channel axis; 0 for linear
  at::ScalarType exact = at::kDouble;
  at::Tensor weight;      // of the exact type
  at::Tensor scale;       // f32, one per output channel, shaped to broadcast over the result

  struct Operand {
    at::Tensor centered;  // q − z in the exact type
    at::Tensor scale;     // f32, shaped to broadcast over the result
  };
  Operand quantize(const at::Tensor& x) const;
  at::Tensor result(const Operand& x, const at::Tensor& acc, const at::Tensor& bias) const;
};
Result<DynamicProduct> dynamic_product(const Site& site, int64_t trailing);

}  // namespace fastc::engine
