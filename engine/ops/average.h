// Averages of integers (average pooling, reduce_mean):  y = clamp(zy + rne(float(Σ(qx−zx))·m)),  m = float32(double(sx) / (double(sy)·count)).
#pragma once

#include "engine/eval.h"

namespace fastc::engine {

struct IntegerAverage {
  Quant x, y;
  at::Tensor operand(const at::Tensor& q) const;                          // qx − zx, f64: sums are exact
  at::Tensor result(const at::Tensor& sums, int64_t count) const;         // u8
  at::Tensor result(const at::Tensor& sums, const at::Tensor& counts) const;  // counts differ by position (padding left out)
};
Result<IntegerAverage> integer_average(const Site& site);

}  // namespace fastc::engine
