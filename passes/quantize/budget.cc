#include "passes/quantize/budget.h"

#include <algorithm>
#include <numeric>

#include "engine/engine.h"
#include "passes/quantize/stored.h"

namespace fastc::quantize {
namespace {

struct Step {
  size_t layer = 0, to = 0;
  double error = 0, bytes = 0;  // that it adds, that it saves
};

// Less error for each byte; a step that adds none is best, and of those the one that saves most.
bool better(const Step& a, const Step& b) {
  if (a.error <= 0 && b.error <= 0) return a.bytes > b.bytes;
  return a.error * b.bytes < b.error * a.bytes;
}

Step step(std::span<const std::vector<Precision>> layers, std::span<const size_t> now, size_t layer, size_t to) {
  const Precision &from = layers[layer][now[layer]], &then = layers[layer][to];
  return {layer, to, then.error - from.error, from.bytes - then.bytes};
}

}  // namespace

std::vector<size_t> choose_precisions(std::span<const std::vector<Precision>> layers, double budget) {
  std::vector<size_t> now(layers.size(), 0);
  double bytes = 0;
  for (const auto& layer : layers) bytes += layer.front().bytes;
  const auto take = [&](const Step& s) { now[s.layer] = s.to, bytes -= s.bytes; };
  while (bytes > budget) {
    std::optional<Step> best;
    for (size_t i = 0; i < layers.size(); ++i)
      for (size_t to = now[i] + 1; to < layers[i].size(); ++to)
        if (const Step s = step(layers, now, i, to); s.bytes > 0 && (!best || better(s, *best))) best = s;
    if (!best) break;
    take(*best);
  }
  for (;;) {  // back to more bits where the room that is left allows it, the largest error first
    std::optional<Step> best;
    for (size_t i = 0; i < layers.size(); ++i)
      for (size_t to = 0; to < now[i]; ++to)
        if (const Step s = step(layers, now, i, to); s.error < 0 && bytes - s.bytes <= budget && (!best || s.error < best->error)) best = s;
    if (!best) return now;
    take(*best);
  }
}

Result<OutputChange> OutputChange::prepare(const Module& module, std::vector<Tensor> inputs) {
  OutputChange change;
  change.module_ = &module, change.inputs_ = std::move(inputs);
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  FASTC_TRY(change.expected_, evaluator.run(change.inputs_));
  return change;
}

Result<double> OutputChange::with(ValueId id, const Weight& weight) const {
  Module changed = *module_;
  replace_weight(changed, id, weight);
  FASTC_CHECK(changed.infer_types());
  return of(changed);
}

Result<double> OutputChange::of(const Module& module) const {
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  FASTC_TRY(const std::vector<Tensor> outputs, evaluator.run(inputs_));
  double sum = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (expected_[i].dtype() != DType::kF32) continue;
    const auto y = to_doubles(outputs[i]), y0 = to_doubles(expected_[i]);
    double error = 0, size = 0;
    for (size_t j = 0; j < y.size(); ++j) error += (y[j] - y0[j]) * (y[j] - y0[j]), size += y0[j] * y0[j];
    sum += error / std::max(size, 1e-30);
  }
  return sum;
}

}  // namespace fastc::quantize
