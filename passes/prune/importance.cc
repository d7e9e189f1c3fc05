#include "passes/prune/importance.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "engine/engine.h"

namespace fastc::prune {
namespace {

using Key = std::pair<ValueId, int64_t>;

// For each index of `axis` the sum of f(w[i], g[i]) over everything else.
template <typename F>
std::vector<double> sums_along(const Tensor& weight, const float* gradient, int64_t axis, const F& f) {
  const Tensor dense = weight.to_contiguous();
  const auto& shape = dense.shape();
  int64_t inner = 1;
  for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t size = shape[axis];
  std::vector<double> sums(static_cast<size_t>(size));
  const float* w = dense.data<float>();
  for (int64_t i = 0; i < dense.elements(); ++i) sums[i / inner % size] += f(w[i], gradient ? gradient[i] : 0.0F);
  return sums;
}

Status expect_f32(const Module& module, ValueId weight) {
  const Tensor& data = module.weight(weight).data;
  if (data.dtype() == DType::kF32) return {};
  return stage_error("{}: expected an f32 weight to rank channels by, found {}", module.value(weight).name, name_of(data.dtype()));
}

// Adds each group's share of the per-index sums of one weight axis.
void add_to_groups(const Coupling& coupling, const ChannelSet& set, const WeightAxis& place, const std::vector<double>& sums, std::vector<double>& out) {
  for (const size_t group : set.groups) {
    for (const Member& member : coupling.groups[group].members) {
      if (member.value != place.weight || member.axis != place.axis) continue;
      for (const int64_t index : member.indices) out[group] += sums[index];
    }
  }
}

}  // namespace

Result<std::vector<double>> l1_importance(const Module& module, const Coupling& coupling) {
  std::vector<double> out(coupling.groups.size());
  std::map<Key, std::vector<double>> cache;
  for (const ChannelSet& set : coupling.sets) {
    if (!set.why_pinned.empty()) continue;
    for (const WeightAxis& place : set.written) {
      auto [found, fresh] = cache.try_emplace({place.weight, place.axis});
      if (fresh) {
        FASTC_CHECK(expect_f32(module, place.weight));
        found->second = sums_along(module.weight(place.weight).data, nullptr, place.axis, [](float w, float) { return std::abs(double(w)); });
        if (!std::all_of(found->second.begin(), found->second.end(), [](double sum) { return std::isfinite(sum); })) {
          return stage_error("{}: expected finite weights to rank channels by, found NaN or infinity", module.value(place.weight).name);
        }
      }
      add_to_groups(coupling, set, place, found->second, out);
    }
  }
  return out;
}

namespace {

// Σ g·w of every group for one batch.
Result<std::vector<double>> products(const Module& module, const Coupling& coupling, const std::map<std::string, Tensor>& gradients) {
  std::vector<double> out(coupling.groups.size());
  for (const ChannelSet& set : coupling.sets) {
    if (!set.why_pinned.empty()) continue;
    for (const WeightAxis& place : set.read.empty() ? set.written : set.read) {
      FASTC_CHECK(expect_f32(module, place.weight));
      const auto found = gradients.find(module.value(place.weight).name);
      if (found == gradients.end()) continue;  // a constant
      const Tensor gradient = found->second.to_contiguous();
      const auto sums = sums_along(module.weight(place.weight).data, gradient.data<float>(), place.axis, [](float w, float g) { return double(w) * double(g); });
      add_to_groups(coupling, set, place, sums, out);
    }
  }
  return out;
}

}  // namespace

Result<std::vector<double>> taylor_importance(const Module& module, const Coupling& coupling, const Dataset& data, const TaylorOptions& options,
                                              Progress& progress) {
  const int64_t samples = std::min(options.samples, data.size());
  if (samples < 1) return stage_error("expected samples to take gradients on, found an empty data set");
  // Spread over the data set, so that data sorted by class does not rank by the first classes only.
  std::vector<int64_t> order(static_cast<size_t>(samples));
  for (int64_t i = 0; i < samples; ++i) order[i] = i * data.size() / samples;
  std::vector<double> out(coupling.groups.size());
  int64_t batches = 0;
  ProgressStage stage(progress, "gradients for importance", samples);
  for (int64_t first = 0; first < samples; first += options.batch_size) {
    const int64_t count = std::min(options.batch_size, samples - first);
    FASTC_TRY(const Batch batch, data.batch(std::span(order).subspan(first, count)));
    FASTC_TRY(const auto gradients, weight_gradients(module, batch.inputs, batch.labels, options.seed + static_cast<uint64_t>(first)));
    FASTC_TRY(const auto sums, products(module, coupling, gradients));
    for (size_t i = 0; i < sums.size(); ++i) out[i] += sums[i] * sums[i];
    ++batches;
    stage.step(count);
  }
  for (double& value : out) {
    value /= static_cast<double>(batches);
    if (!std::isfinite(value)) return stage_error("expected finite gradients to rank channels by, found NaN or infinity");
  }
  return out;
}

}  // namespace fastc::prune
