// Pooling. Integer: max keeps the parameters; averages follow
//   y = clamp(zy + rne(float(Σ(qx−zx))·m)),  m = float32(double(sx) / (double(sy)·count))
#include <ATen/ops/adaptive_avg_pool1d.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool1d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/max_pool1d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones_like.h>

#include "engine/ops/average.h"
#include "engine/ops/integer.h"

namespace fastc::engine {
namespace {

Result<Evaluate> max_pool(const Site& site) {
  const auto kernel = site.node.integers("kernel"), stride = site.node.integers("stride");
  const auto padding = site.node.integers("padding"), dilation = site.node.integers("dilation");
  const bool ceil_mode = site.node.flag("ceil_mode"), integer = site.integer();
  return [=](Call& call) {
    const at::Tensor x = integer ? call.in(0).to(at::kFloat) : call.in(0);
    const at::Tensor y = kernel.size() == 1 ? at::max_pool1d(x, kernel, stride, padding, dilation, ceil_mode)
                                            : at::max_pool2d(x, kernel, stride, padding, dilation, ceil_mode);
    call.set(integer ? y.to(call.in(0).scalar_type()) : y);
  };
}

Result<Evaluate> avg_pool(const Site& site) {
  const auto kernel = site.node.integers("kernel"), stride = site.node.integers("stride"), padding = site.node.integers("padding");
  const bool ceil_mode = site.node.flag("ceil_mode"), include = site.node.flag("count_include_pad");
  if (!site.integer()) {
    return [=](Call& call) {
      call.set(kernel.size() == 1 ? at::avg_pool1d(call.in(0), kernel, stride, padding, ceil_mode, include)
                                  : at::avg_pool2d(call.in(0), kernel, stride, padding, ceil_mode, include));
    };
  }
  FASTC_TRY(const IntegerAverage average, integer_average(site));
  const auto as_2d = [](std::vector<int64_t> v, int64_t fill) { return v.size() == 2 ? v : std::vector<int64_t>{fill, v[0]}; };
  const auto k = as_2d(kernel, 1), s = as_2d(stride, 1), p = as_2d(padding, 0);
  return [=](Call& call) {
    at::Tensor x = average.operand(call.in(0));
    const bool flat = kernel.size() == 1;
    if (flat) x = x.unsqueeze(2);
    // Dividing by 1 gives sums; what LibTorch divides by, per position, is the average of ones upside down.
    const at::Tensor sums = at::avg_pool2d(x, k, s, p, ceil_mode, include, 1);
    const at::Tensor ones = at::ones_like(x);
    const at::Tensor counts = at::avg_pool2d(ones, k, s, p, ceil_mode, include, 1).div_(at::avg_pool2d(ones, k, s, p, ceil_mode, include)).round_();
    const at::Tensor y = average.result(sums, counts);
    call.set(flat ? y.squeeze(2) : y);
  };
}

Result<Evaluate> adaptive_avg_pool(const Site& site) {
  const auto size = site.node.integers("output_size");
  if (!site.integer()) {
    return [=](Call& call) {
      call.set(size.size() == 1 ? at::adaptive_avg_pool1d(call.in(0), size) : at::adaptive_avg_pool2d(call.in(0), size));
    };
  }
  FASTC_TRY(const IntegerAverage average, integer_average(site));
  return [=](Call& call) {
    at::Tensor x = average.operand(call.in(0));
    const bool flat = size.size() == 1;
    if (flat) x = x.unsqueeze(2);
    const int64_t rows = flat ? 1 : size[0], columns = size.back();
    // Window i of n over a length: floor(i·length/n) … ceil((i+1)·length/n), as LibTorch cuts them.
    const auto window = [](int64_t i, int64_t n, int64_t length) { return std::pair(i * length / n, ((i + 1) * length + n - 1) / n); };
    at::Tensor y = at::empty({x.size(0), x.size(1), rows, columns}, x.options().dtype(call.in(0).scalar_type()));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        const auto [top, bottom] = window(r, rows, x.size(2));
        const auto [left, right] = window(c, columns, x.size(3));
        const at::Tensor sums = x.slice(2, top, bottom).slice(3, left, right).sum({2, 3});
        y.select(2, r).select(2, c).copy_(average.result(sums, (bottom - top) * (right - left)));
      }
    }
    call.set(flat ? y.squeeze(2) : y);
  };
}

const RegisterEval registered_max{"max_pool", max_pool}, registered_avg{"avg_pool", avg_pool},
    registered_adaptive{"adaptive_avg_pool", adaptive_avg_pool};

}  // namespace
}  // namespace fastc::engine
