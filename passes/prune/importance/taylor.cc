// taylor: Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning", eq. 8:
//
//   worth(c) = mean over batches of (Σ g·w)²
//
// the squared first-order change of the loss when the group's parameters are zeroed. The parameters are the weights that read the channel
// (zeroing them is exactly removing it, whatever norm or activation stands before); those that write it where nothing reads it.
// Labels come from the data, or are drawn from the model's own softmax where it has none (the Fisher information then).
#include <cmath>

#include "base/interrupt.h"
#include "engine/engine.h"
#include "passes/prune/importance/filters.h"
#include "passes/prune/importance/samples.h"

namespace fastc::prune {
namespace {

// Σ g·w of every group for one batch.
Result<std::vector<double>> products(const Request& request, const std::map<std::string, Tensor>& gradients) {
  std::vector<double> out(request.coupling.groups.size());
  for (const size_t index : request.sets) {
    const ChannelSet& set = request.coupling.sets[index];
    for (const WeightAxis& place : set.read.empty() ? set.written : set.read) {
      const auto found = gradients.find(request.module.value(place.weight).name);
      if (found == gradients.end()) continue;  // a constant
      FASTC_TRY(const Tensor weight, finite_weight(request.module, place.weight));
      const Tensor gradient = found->second.to_contiguous();
      const float *w = weight.data<float>(), *g = gradient.data<float>();
      add_to_groups(request.coupling, set, place, sums_along(weight.shape(), place.axis, [&](size_t i) { return double(w[i]) * double(g[i]); }), out);
    }
  }
  return out;
}

Result<Worth> taylor(const Request& request) {
  FASTC_TRY(const auto batches, drawn_batches(*request.data, request.samples, request.batch_size, request.seed));
  Worth worth{std::vector<double>(request.coupling.groups.size()), {}};
  ProgressStage stage(request.progress, "gradients for importance", static_cast<int64_t>(batches.size()));
  for (size_t b = 0; b < batches.size(); ++b) {
    if (interrupted()) return interrupted_error("taking gradients");
    FASTC_TRY(const Batch batch, request.data->batch(batches[b]));
    FASTC_TRY(const auto gradients, weight_gradients(request.module, batch.inputs, batch.labels, seed_for(request.seed, b)));
    FASTC_TRY(const auto sums, products(request, gradients));
    for (size_t i = 0; i < sums.size(); ++i) worth.values[i] += sums[i] * sums[i] / static_cast<double>(batches.size());
    stage.step();
  }
  for (const double value : worth.values) {
    if (!std::isfinite(value)) return stage_error("expected finite gradients to rank channels by, found NaN or infinity");
  }
  return worth;
}

const RegisterImportance registered{{.name = "taylor", .summary = "squared first-order change of the loss without the channel (Molchanov 2019)",
                                     .needs_data = true, .normalize = Normalize::kNone, .measure = taylor}};

}  // namespace
}  // namespace fastc::prune
