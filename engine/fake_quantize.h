// How training sees a quantized number: a float rounded to what the integer program can say, with a gradient.
//
//   y = s·clamp(rne(x/s), low − z, high − z),  s = step·exp(t)
//
// Gradients (learned step size, Esser et al. 2020, eq. 3; outside of the range v = x/s is cut off):
//   dy/dx = 1 inside, 0 outside              dy/ds = rne(v) − v inside, the bound outside              dy/dt = s·dy/ds
// The step is learned through its logarithm, as thresholds are by Jain et al. 2020: one learning rate then suits steps of any magnitude,
// weight decay pulls back to the calibrated step instead of to 0, and a step stays positive.
#pragma once

#include <ATen/core/Tensor.h>

namespace fastc::engine {

struct FakeQuantize {
  // f32 [rows]: the scales when training began. More than one row: x is cut evenly along its first axis. Or of x's shape: each number's, and a factor for each row is learned.
  at::Tensor step;
  at::Tensor log_factor;  // t, [rows], of x's type
  int32_t zero_point = 0, low = 0, high = 255;
  int64_t group = 0;      // > 0: instead a row for each `group` numbers of a channel (axis 0), as they follow each other; its last group may be shorter

  at::Tensor scale() const;  // s, without gradient
  // f32 or f64. One pass over memory each way; the sums of dy/dt are the same for any number of threads.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor rounded(const at::Tensor& x, const at::Tensor& scale) const;
};

// The same for a weight kept as f16 or bf16: its value is what storing it gives, its gradient passes.
at::Tensor round_to_half(const at::Tensor& x, at::ScalarType half);
// To nearest, ties to even; what is too large for f16 becomes its largest number.
at::Tensor to_half(const at::Tensor& x, at::ScalarType half);

}  // namespace fastc::engine
