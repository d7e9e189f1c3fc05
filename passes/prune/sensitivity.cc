#include "passes/prune/sensitivity.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/engine.h"
#include "passes/prune/loss.h"

namespace fastc::prune {
namespace {

constexpr std::array kShares = {0.0, 0.3, 0.6, 0.8, 0.9, 1.0};  // closer where networks begin to break
using Curve = std::array<double, kShares.size()>;               // change of the output at each, never falling

// The largest share whose change is at most `change`.
double share_at(const Curve& curve, double change) {
  size_t i = 0;
  while (i + 1 < curve.size() && curve[i + 1] <= change) ++i;
  if (i + 1 == curve.size()) return 1;
  return kShares[i] + (kShares[i + 1] - kShares[i]) * (change - curve[i]) / (curve[i + 1] - curve[i]);
}

Result<Tensor> first_output(const Module& module, std::span<const Tensor> inputs) {
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  FASTC_TRY(auto outputs, evaluator.run(inputs));
  return outputs.front().to_contiguous();
}

double removed_at(std::span<const Curve> curves, std::span<const double> sizes, double change) {
  double removed = 0;
  for (size_t i = 0; i < curves.size(); ++i) removed += sizes[i] * share_at(curves[i], change);
  return removed;
}

Result<Curve> measure(Module& module, ValueId weight, const Pattern& pattern, std::span<const Tensor> inputs, const Tensor& reference) {
  const Tensor dense = module.weight(weight).data;
  const std::vector<float> scores = magnitudes(dense);
  const Units units = units_of(pattern, dense.shape(), scores);
  Curve curve{};
  for (size_t i = 1; i < kShares.size(); ++i) {
    Tensor pruned = dense;
    apply_mask(pruned, masks_of(std::span(&units, 1), std::span(&kShares[i], 1))[0]);
    module.weight(weight).data = pruned;
    FASTC_TRY(const Tensor output, first_output(module, inputs));
    FASTC_TRY(const double change, relative_change(output, reference));
    curve[i] = std::max(change, curve[i - 1]);
  }
  module.weight(weight).data = dense;
  return curve;
}

}  // namespace

std::vector<float> magnitudes(const Tensor& weight) {
  const Tensor dense = weight.to_contiguous();
  std::vector<float> out(dense.values<float>().begin(), dense.values<float>().end());
  for (float& w : out) w = std::abs(w);
  return out;
}

void apply_mask(Tensor& weight, std::span<const uint8_t> mask) {
  const auto values = weight.mutable_values<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (mask[i] == 0) values[i] = 0;
  }
}

Result<std::vector<double>> shares_by_sensitivity(const Module& module, std::span<const ValueId> weights, const Pattern& pattern, double ratio,
                                                  std::span<const Tensor> inputs, Progress& progress) {
  FASTC_TRY(const Tensor reference, first_output(module, inputs));
  ProgressStage stage(progress, "measuring sensitivity", static_cast<int64_t>(weights.size()));
  Module trial = module;
  std::vector<Curve> curves;
  std::vector<double> sizes;
  for (const ValueId weight : weights) {
    FASTC_TRY(const Curve curve, measure(trial, weight, pattern, inputs, reference));
    curves.push_back(curve);
    sizes.push_back(static_cast<double>(module.weight(weight).data.elements()));
    stage.step(1, module.value(weight).name);
  }
  double total = 0, low = 0, high = 0;
  for (size_t i = 0; i < curves.size(); ++i) total += sizes[i], high = std::max(high, curves[i].back());
  for (int i = 0; i < 60; ++i) {  // the common change, to the last bits of a double
    const double middle = (low + high) / 2;
    (removed_at(curves, sizes, middle) < ratio * total ? low : high) = middle;
  }
  // Where a curve is flat the share jumps at one change; in between every weight goes the same part of its jump.
  const double below = removed_at(curves, sizes, low), above = removed_at(curves, sizes, high);
  const double part = above > below ? std::clamp((ratio * total - below) / (above - below), 0.0, 1.0) : 1;
  std::vector<double> shares;
  for (const Curve& curve : curves) shares.push_back(std::lerp(share_at(curve, low), share_at(curve, high), part));
  return shares;
}

}  // namespace fastc::prune
