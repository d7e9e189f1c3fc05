// VS-Quant (Dai et al. 2021, arXiv 2102.04503, eq. 7), with integers so small that kernels need not know of them:
//
//   w ≈ s[o] · m[o,g] · q,   q in ±Q,  Q = 2^(bits−1) − 1,   m in 1 … M,  M = min(⌊127/Q⌋, 15)
//
// A group's own step t is that of the observer (all of its weights inside, or the least squared error). s is tried at max(t)/j for j from M down to M/2; each group
// takes ⌊t/s⌋ or ⌈t/s⌉, whichever leaves it the smaller squared error, and the s with the smallest error of the channel stays. 15, where more would fit, is four bits
// in the file (the paper's choice as well).
#include "passes/quantize/two_levels.h"

#include <algorithm>
#include <cmath>

namespace fastc::quantize {
namespace {

constexpr int kMostMultiple = 15;

double limit_of(const WeightOptions& options) { return (1 << (options.bits - 1)) - 1; }

std::span<const float> group_of(std::span<const float> row, size_t index, int64_t size) {
  const size_t first = index * static_cast<size_t>(size);
  return row.subspan(first, std::min(static_cast<size_t>(size), row.size() - first));
}

struct Choice {
  TwoLevels levels;
  double error = 0;
};

Choice choose(std::span<const float> row, std::span<const double> steps, double scale, int most, const WeightOptions& options) {
  Choice choice{{scale, {}}, 0};
  for (size_t g = 0; g < steps.size(); ++g) {
    const auto error = [&](int m) { return rounding_error(group_of(row, g, options.group), scale * m, limit_of(options)); };
    const auto bounded = [&](double m) { return static_cast<int>(std::clamp(m, 1.0, static_cast<double>(most))); };
    const int below = bounded(std::floor(steps[g] / scale)), above = bounded(std::ceil(steps[g] / scale));
    const double error_below = error(below), error_above = below == above ? error_below : error(above);
    choice.levels.multiples.push_back(error_above <= error_below ? above : below);  // of equals the one that cuts nothing off
    choice.error += std::min(error_below, error_above);
  }
  return choice;
}

}  // namespace

TwoLevels two_levels(std::span<const float> row, const WeightOptions& options, double least) {
  std::vector<double> steps((row.size() + static_cast<size_t>(options.group) - 1) / static_cast<size_t>(options.group));
  for (size_t g = 0; g < steps.size(); ++g) steps[g] = weight_scale(group_of(row, g, options.group), options);
  const double largest = *std::max_element(steps.begin(), steps.end());
  if (!(static_cast<float>(largest) > 1e-30F)) return {least, std::vector<int>(steps.size(), 1)};
  const int most = std::min(kMostMultiple, static_cast<int>(127 / limit_of(options)));
  Choice best;
  for (int j = most; 2 * j >= most; --j) {
    Choice choice = choose(row, steps, std::max(largest / j, least), most, options);
    if (j == most || choice.error < best.error) best = std::move(choice);
  }
  return best.levels;
}

Tensor group_scales(const Tensor& weight, const WeightOptions& options, std::span<const double> least_scales) {
  const Tensor data = weight.to_contiguous();
  const int64_t channels = data.shape()[0], inputs = data.elements() / channels, groups = (inputs + options.group - 1) / options.group;
  Tensor scales = Tensor::zeros(DType::kF32, {channels, groups});
  for (int64_t c = 0; c < channels; ++c) {
    const auto row = data.values<float>().subspan(static_cast<size_t>(c * inputs), static_cast<size_t>(inputs));
    const TwoLevels levels = two_levels(row, options, least_scales.empty() ? 0 : least_scales[static_cast<size_t>(c)]);
    const double scale = static_cast<float>(levels.scale) > 1e-30F ? levels.scale : 1;  // a channel of zeros: every scale is right
    for (int64_t g = 0; g < groups; ++g) scales.mutable_values<float>()[c * groups + g] = static_cast<float>(scale * levels.multiples[static_cast<size_t>(g)]);
  }
  return scales;
}

}  // namespace fastc::quantize
