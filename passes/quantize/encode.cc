#include "passes/quantize/encode.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace fastc::quantize {
namespace {

double rounded(float w, double scale, double limit) { return std::clamp(std::nearbyint(w / scale), -limit, limit); }

double squared_error(std::span<const float> group, double scale, double limit) {
  double sum = 0;
  for (const float w : group) {
    const double e = w - scale * rounded(w, scale, limit);
    sum += e * e;
  }
  return sum;
}

// Above 0 always: a group of zeros takes 1.
float scale_of(std::span<const float> group, const Form& form) {
  double most = 0;
  for (const float w : group) most = std::max(most, std::fabs(static_cast<double>(w)));
  const double full = most / form.limit();
  if (!(static_cast<float>(full) > 1e-30F)) return 1;
  double best = full;
  if (form.mse) {
    double least = squared_error(group, full, form.limit());
    for (int step = 1; step <= 50; ++step) {  // clipping more than half of the range never pays
      const double scale = full * (1 - 0.01 * step), e = squared_error(group, scale, form.limit());
      if (e < least) least = e, best = scale;
    }
  }
  return static_cast<float>(best);
}

}  // namespace

Encoded encode(const Weight& dense, const Form& form) {
  const Tensor data = dense.data.to_contiguous();
  const int64_t channels = data.shape()[0], inputs = data.elements() / channels;
  const int64_t group = form.group == 0 || form.group >= inputs ? inputs : form.group, groups = (inputs + group - 1) / group;
  Tensor q = Tensor::zeros(DType::kS8, data.shape());
  Tensor scales = Tensor::zeros(DType::kF32, groups == 1 ? std::vector<int64_t>{channels} : std::vector<int64_t>{channels, groups});
  const auto s = scales.mutable_values<float>();
  const auto to = q.mutable_values<int8_t>();
  Encoded out;
  for (int64_t i = 0; i < channels * groups; ++i) {
    const int64_t first = i / groups * inputs + i % groups * group, count = std::min(group, inputs - i % groups * group);
    const auto values = data.values<float>().subspan(static_cast<size_t>(first), static_cast<size_t>(count));
    s[i] = scale_of(values, form);
    for (int64_t j = 0; j < count; ++j) {
      to[first + j] = static_cast<int8_t>(rounded(values[j], s[i], form.limit()));
      out.size += static_cast<double>(values[j]) * values[j];
    }
    out.error += squared_error(values, s[i], form.limit());
  }
  out.weight = {q, dense.encoding, dense.trainable};  // keeps the sparsity pattern: 0 stays 0
  Encoding& e = out.weight.encoding;
  e.kind = Encoding::Kind::kInt, e.bits = static_cast<int>(form.bits), e.axis = 0;
  e.group_size = groups == 1 ? 0 : group;
  e.scales = scales;
  return out;
}

}  // namespace fastc::quantize
