// Each weight's own share of zeros, from how much the network minds.
//
// Each weight alone is pruned at several shares, and the relative change e of the first output over calibration samples measured (Han et al.
// 2015, section 4, sensitivity of layers). e(share) is joined by lines and made rising; then every weight goes as far as one common change allows,
// and that change is the one at which the network as a whole has lost `ratio`.
#pragma once

#include "base/progress.h"
#include "ir/module.h"
#include "passes/prune/pattern.h"

namespace fastc::prune {

// One share for each weight, in the order given.
Result<std::vector<double>> shares_by_sensitivity(const Module& module, std::span<const ValueId> weights, const Pattern& pattern, double ratio,
                                                  std::span<const Tensor> inputs, Progress& progress);

// |w|, row-major, and the weight times a mask.
std::vector<float> magnitudes(const Tensor& weight);
void apply_mask(Tensor& weight, std::span<const uint8_t> mask);

}  // namespace fastc::prune
