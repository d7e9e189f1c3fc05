// int8 weights with activations quantized at run time: u8, asymmetric, one range for the whole tensor or, in linear, for each row of K
// numbers. The range always contains 0, so that 0 is exact. All steps in float32, as in backends/runtime/ops/dynamic.cc:
//
//   lo = min(0, min x), hi = max(0, max x), s = (hi − lo) / 255 (1 when hi = lo), inv = 1/s, z = clamp(rne(−lo/s))
//   q = clamp(z + rne(x·inv))     y = float(Σ(q−z)·qw) · (s·sw) + bias, then the activation
//
// Training computes the product on floats: x rounded to s·(q − z), which the gradient passes straight through (Bengio et al. 2013; the range is x's
// own, so nothing is cut off), and weights that Plan has rounded (fake_quantize.h).
#pragma once

#include "engine/eval.h"

namespace fastc::engine {

struct DynamicProduct {
  bool per_row = false;
  int64_t trailing = 0;   // spatial axes after the channel axis; 0 for linear
  at::ScalarType exact = at::kDouble;
  at::Tensor weight;      // of the exact type; undefined in training
  at::Tensor scale;       // f32, one per output channel, shaped to broadcast over the result

  struct Operand {
    at::Tensor centered;  // q − z in the exact type
    at::Tensor scale;     // f32, shaped to broadcast over the result
  };
  // `product(x, w, bias)` is the op on floats; `trained`: the weight as training sees it.
  template <typename Product>
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& trained, const at::Tensor& bias, const Product& product) const {
    if (!weight.defined()) return product(straight_through(x), trained, bias);
    const Operand q = quantize(x);
    return result(q, product(q.centered, weight, at::Tensor()), bias);
  }

 private:
  Operand quantize(const at::Tensor& x) const;
  at::Tensor result(const Operand& x, const at::Tensor& acc, const at::Tensor& bias) const;
  at::Tensor straight_through(const at::Tensor& x) const;
};
// Of a node with the attribute dynamic, and the weight that is its operand `operand`.
Result<DynamicProduct> dynamic_product(const Site& site, int64_t trailing, size_t operand = 1);
bool is_dynamic(const Site& site);

}  // namespace fastc::engine
