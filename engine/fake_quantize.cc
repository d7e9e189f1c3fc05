#include "engine/fake_quantize.h"

#include <algorithm>
#include <array>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/mul.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace fastc::engine {
namespace {

constexpr int64_t kChunk = 1 << 15;  // elements that one task takes; fixed, so that sums do not depend on the thread count
constexpr int kLanes = 16;           // partial sums side by side, for vector instructions

// Rounds |v| < 2^21 to the nearest integer, ties to even: the addition leaves no bits for the fraction.
inline float rounded(float v) { return v + 12582912.0F - 12582912.0F; }
inline double rounded(double v) { return v + 6755399441055744.0 - 6755399441055744.0; }

template <typename T>
struct Grid {
  T scale, inverse, low, high;  // bounds of x/s
};

template <typename T>
void round_run(const T* x, T* y, int64_t n, const Grid<T>& g) {
  for (int64_t i = 0; i < n; ++i) {
    T v = x[i] * g.inverse;
    v = v < g.low ? g.low : v;
    v = v > g.high ? g.high : v;
    y[i] = rounded(v) * g.scale;
  }
}

// → Σ g·dy/ds of these elements
template <typename T>
double gradient_run(const T* x, const T* gradient, T* dx, int64_t n, const Grid<T>& g) {
  std::array<T, kLanes> sums{};
  const auto one = [&](int64_t i) {
    const T v = x[i] * g.inverse;
    const T cut = v < g.low ? g.low : (v > g.high ? g.high : v);
    const bool inside = v == cut;
    dx[i] = inside ? gradient[i] : T(0);
    return gradient[i] * (inside ? rounded(cut) - v : cut);
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += one(i + lane);
  double sum = 0;
  for (; i < n; ++i) sum += one(i);
  for (const T s : sums) sum += s;
  return sum;
}

// Calls run(row, begin, count) for pieces of at most kChunk elements that each lie in one row.
template <typename Run>
void in_pieces(int64_t rows, int64_t elements, const Run& run) {
  if (elements == 0) return;
  const int64_t row = elements / rows, pieces = (row + kChunk - 1) / kChunk;
  at::parallel_for(0, rows * pieces, std::max<int64_t>(1, kChunk * 4 / std::min(row, kChunk)), [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const int64_t begin = p % pieces * kChunk;
      run(p, p / pieces, p / pieces * row + begin, std::min(kChunk, row - begin));
    }
  });
}

template <typename T>
Grid<T> grid_of(const at::Tensor& scale, int64_t row, double low, double high) {
  const T s = scale.const_data_ptr<T>()[row];
  return {s, T(1) / s, T(low), T(high)};
}

template <typename T>
void round_all(const at::Tensor& x, const at::Tensor& scale, double low, double high, at::Tensor& y) {
  in_pieces(scale.numel(), x.numel(), [&](int64_t, int64_t row, int64_t at, int64_t n) {
    round_run(x.const_data_ptr<T>() + at, y.mutable_data_ptr<T>() + at, n, grid_of<T>(scale, row, low, high));
  });
}

template <typename T>
void gradient_all(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& scale, double low, double high, at::Tensor& dx, at::Tensor& dt) {
  const int64_t rows = scale.numel(), row_elements = x.numel() / rows, pieces = (row_elements + kChunk - 1) / kChunk;
  std::vector<double> sums(static_cast<size_t>(rows * pieces));
  in_pieces(rows, x.numel(), [&](int64_t piece, int64_t row, int64_t at, int64_t n) {
    sums[static_cast<size_t>(piece)] =
        gradient_run(x.const_data_ptr<T>() + at, gradient.const_data_ptr<T>() + at, dx.mutable_data_ptr<T>() + at, n, grid_of<T>(scale, row, low, high));
  });
  for (int64_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (int64_t p = 0; p < pieces; ++p) sum += sums[static_cast<size_t>(row * pieces + p)];
    dt.mutable_data_ptr<T>()[row] = static_cast<T>(sum * scale.const_data_ptr<T>()[row]);
  }
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class Round : public torch::autograd::Function<Round> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, const at::Tensor&, const at::Tensor& scale, double low, double high) {
    const at::Tensor x = given.is_non_overlapping_and_dense() ? given : given.contiguous();
    at::Tensor y = at::empty_like(x);
    if (x.scalar_type() == at::kDouble) round_all<double>(x, scale, low, high, y);
    else round_all<float>(x, scale, low, high, y);
    context->save_for_backward({x, scale});
    context->saved_data["low"] = low;
    context->saved_data["high"] = high;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &scale = saved[1];
    const double low = context->saved_data["low"].toDouble(), high = context->saved_data["high"].toDouble();
    at::Tensor gradient = gradients[0];
    if (gradient.strides() != x.strides()) gradient = at::empty_like(x).copy_(gradient);
    at::Tensor dx = at::empty_like(x), dt = at::empty(scale.sizes(), scale.options());
    if (x.scalar_type() == at::kDouble) gradient_all<double>(x, gradient, scale, low, high, dx, dt);
    else gradient_all<float>(x, gradient, scale, low, high, dx, dt);
    return {dx, dt, {}, {}, {}};
  }
};

}  // namespace

at::Tensor FakeQuantize::scale() const {
  const c10::AutoGradMode no_gradients(false);
  at::Tensor factor = log_factor.detach().to(at::kDouble).exp();
  while (factor.dim() < step.dim()) factor = factor.unsqueeze(-1);
  return factor.mul(step).to(log_factor.scalar_type());
}

at::Tensor FakeQuantize::rounded(const at::Tensor& x, const at::Tensor& scale) const {
  return Round::apply(x, log_factor, scale.to(x.scalar_type()), static_cast<double>(low - zero_point), static_cast<double>(high - zero_point));
}

// Zeros fill each channel's last group: they stay 0, and nothing comes back from them.
at::Tensor FakeQuantize::operator()(const at::Tensor& x) const {
  if (step.dim() > 1) return at::mul(rounded(at::div(x, step), log_factor.detach().to(at::kDouble).exp()), step);
  if (group == 0) return rounded(x, scale());
  const int64_t channels = x.size(0), inner = x.numel() / channels, missing = (group - inner % group) % group;
  const at::Tensor whole = at::constant_pad_nd(x.reshape({channels, inner}), {0, missing}).contiguous();
  return rounded(whole, scale()).slice(1, 0, inner).reshape(x.sizes());
}

at::Tensor to_half(const at::Tensor& x, at::ScalarType half) {
  constexpr double kLargest = 65504;
  return (half == at::kHalf ? at::clamp(x, -kLargest, kLargest) : x).to(half);
}

at::Tensor round_to_half(const at::Tensor& x, at::ScalarType half) {
  const at::Tensor given = x.detach();
  return x.add(to_half(given, half).to(x.scalar_type()).sub(given));  // exact: the two lie within a factor of two, or one is 0
}

}  // namespace fastc::engine
