// Learned rounding of weights (AdaRound, Nagel et al. 2020, "Up or down? Adaptive rounding for post-training
// quantization"): no labels, one layer after the other.
#pragma once

#include "passes/quantize/layers.h"

namespace fastc::quantize {

struct AdaRoundOptions {
  int64_t samples = 512;
  int64_t iterations = 1000;
  double lr = 0.01;
  double regularization = 1;  // of the rounding against the reconstruction, both relative (see adaround.cc)
};

struct AdaRoundSummary {
  int64_t layers = 0;
  std::vector<std::string> too_large;   // layers of so many inputs that they keep the nearest
  int64_t turned = 0, weights = 0;  // weights that are not rounded to the nearest, of all
  double error = 0, nearest_error = 0;  // mean over layers of |Ŵx̃ − y|² / |y|², after and before
};

// Rounds the weights of `quantized` anew, whose scales stay, and gives each layer's bias the mean of what is left.
Result<AdaRoundSummary> adaround(const Module& reference, Module& quantized, const Dataset& data,
                                 const AdaRoundOptions& options, Progress& progress);

// One layer: the rounded integers of `weight` (f32, real numbers) on the grid of `encoded`.
Result<Tensor> learn_rounding(const Tensor& weight, const Weight& encoded, const LayerSeen& layer,
                              const AdaRoundOptions& options);

// Mean of |Ŵx̃ − y|², each less its mean (which the bias takes), where Ŵ is what `encoded` decodes to.
Result<double> reconstruction_error(const Weight& encoded, const LayerSeen& layer);

}  // namespace fastc::quantize
