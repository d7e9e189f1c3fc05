// Pooling over one to three axes. Integer: max keeps the parameters; averages follow
//   y = clamp(zy + rne(float(Σ(qx−zx))·m)),  m = float32(double(sx) / (double(sy)·count))
#include <ATen/ops/adaptive_avg_pool1d.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/adaptive_avg_pool3d.h>
#include <ATen/ops/avg_pool1d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool3d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool1d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/max_pool3d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>

#include "engine/ops/average.h"
#include "engine/ops/integer.h"

namespace fastc::engine {
namespace {

using Sizes = std::vector<int64_t>;

Result<Evaluate> max_pool(const Site& site) {
  const Sizes kernel = site.node.integers("kernel"), stride = site.node.integers("stride");
  const Sizes padding = site.node.integers("padding"), dilation = site.node.integers("dilation");
  const bool ceil_mode = site.node.flag("ceil_mode"), integer = site.integer();
  const auto pool = [=](const at::Tensor& x) {
    if (kernel.size() == 1) return at::max_pool1d(x, kernel, stride, padding, dilation, ceil_mode);
    if (kernel.size() == 2) return at::max_pool2d(x, kernel, stride, padding, dilation, ceil_mode);
    return at::max_pool3d(x, kernel, stride, padding, dilation, ceil_mode);
  };
  return [=](Call& call) { call.set(integer ? pool(call.in(0).to(at::kFloat)).to(call.in(0).scalar_type()) : pool(call.in(0))); };
}

Result<Evaluate> avg_pool(const Site& site) {
  const Sizes kernel = site.node.integers("kernel"), stride = site.node.integers("stride"), padding = site.node.integers("padding");
  const bool ceil_mode = site.node.flag("ceil_mode"), include = site.node.flag("count_include_pad");
  if (!site.integer()) {
    return [=](Call& call) {
      const at::Tensor& x = call.in(0);
      call.set(kernel.size() == 1   ? at::avg_pool1d(x, kernel, stride, padding, ceil_mode, include)
               : kernel.size() == 2 ? at::avg_pool2d(x, kernel, stride, padding, ceil_mode, include)
                                    : at::avg_pool3d(x, kernel, stride, padding, ceil_mode, include));
    };
  }
  FASTC_TRY(const IntegerAverage average, integer_average(site));
  const auto as_3d = [](Sizes v, int64_t fill) { return v.insert(v.begin(), 3 - v.size(), fill), v; };
  const Sizes k = as_3d(kernel, 1), s = as_3d(stride, 1), p = as_3d(padding, 0);
  return [=](Call& call) {
    at::Tensor x = average.operand(call.in(0));
    for (size_t i = kernel.size(); i < 3; ++i) x = x.unsqueeze(2);
    // Dividing by 1 gives sums; what LibTorch divides by, per position, is the average of ones upside down.
    const at::Tensor sums = at::avg_pool3d(x, k, s, p, ceil_mode, include, 1);
    const at::Tensor ones = at::ones_like(x);
    const at::Tensor counts = at::avg_pool3d(ones, k, s, p, ceil_mode, include, 1).div_(at::avg_pool3d(ones, k, s, p, ceil_mode, include)).round_();
    at::Tensor y = average.result(sums, counts);
    for (size_t i = kernel.size(); i < 3; ++i) y = y.squeeze(2);
    call.set(y);
  };
}

// Σ over windows i of n along one axis of length L, floor(i·L/n) … ceil((i+1)·L/n), as LibTorch cuts them.
at::Tensor window_sums(const at::Tensor& x, int64_t axis, int64_t n) {
  const int64_t length = x.size(axis);
  std::vector<at::Tensor> sums;
  for (int64_t i = 0; i < n; ++i) sums.push_back(x.slice(axis, i * length / n, ((i + 1) * length + n - 1) / n).sum({axis}, /*keepdim=*/true));
  return at::cat(sums, axis);
}

Result<Evaluate> adaptive_avg_pool(const Site& site) {
  const Sizes size = site.node.integers("output_size");
  if (!site.integer()) {
    return [=](Call& call) {
      const at::Tensor& x = call.in(0);
      call.set(size.size() == 1 ? at::adaptive_avg_pool1d(x, size) : size.size() == 2 ? at::adaptive_avg_pool2d(x, size) : at::adaptive_avg_pool3d(x, size));
    };
  }
  FASTC_TRY(const IntegerAverage average, integer_average(site));
  return [=](Call& call) {
    at::Tensor sums = average.operand(call.in(0)), counts = at::ones(sums.sizes().slice(2), sums.options());
    for (int64_t axis = 0; axis < static_cast<int64_t>(size.size()); ++axis) {
      sums = window_sums(sums, 2 + axis, size[axis]);
      counts = window_sums(counts, axis, size[axis]);
    }
    call.set(average.result(sums, counts));
  };
}

const RegisterEval registered_max{"max_pool", max_pool}, registered_avg{"avg_pool", avg_pool},
    registered_adaptive{"adaptive_avg_pool", adaptive_avg_pool};

}  // namespace
}  // namespace fastc::engine
