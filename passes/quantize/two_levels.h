// Scales of groups that integer kernels can use: a float for each output channel times a small integer for each group of its inputs (ir/multiples.h).
#pragma once

#include "passes/quantize/observers.h"

namespace fastc::quantize {

struct TwoLevels {
  double scale = 0;  // at least `least`
  std::vector<int> multiples;
};

// Of one channel, cut into groups of options.group, the last one maybe shorter. Formulas and choice in two_levels.cc.
TwoLevels two_levels(std::span<const float> row, const WeightOptions& options, double least);

// f32 [channels, groups]. `least_scales`: one for each channel, or empty.
Tensor group_scales(const Tensor& weight, const WeightOptions& options, std::span<const double> least_scales);

}  // namespace fastc::quantize
