// activation: mean |a| of the channel where it is read, over samples and positions:
//
//   worth(c) = E |a_c|
//
// The continuous form of APoZ (Hu et al. 2016, "Network Trimming": the share of zeros after relu), which also ranks channels that
// are never exactly zero (Molchanov et al. 2017, section 2.2, "mean activation"). A channel that no input excites is worth nothing.
#include <cmath>

#include "base/interrupt.h"
#include "engine/engine.h"
#include "passes/prune/importance/filters.h"
#include "passes/prune/importance/samples.h"

namespace fastc::prune {
namespace {

// Σ |a| for each index along a place's axis.
struct Seen {
  Place place;
  std::vector<double> sums;
  double count = 0;  // numbers behind each sum
};

void see(Seen& seen, const Tensor& tensor) {
  if (!tensor.defined() || tensor.dtype() != DType::kF32) return;
  const Tensor dense = tensor.to_contiguous();
  const float* a = dense.data<float>();
  const auto sums = sums_along(dense.shape(), seen.place.axis, [&](size_t i) { return std::abs(double(a[i])); });
  seen.sums.resize(sums.size());
  for (size_t i = 0; i < sums.size(); ++i) seen.sums[i] += sums[i];
  seen.count += static_cast<double>(dense.elements()) / static_cast<double>(std::max<size_t>(sums.size(), 1));
}

Status see_batch(const Module& module, const Evaluator& evaluator, const Batch& batch, std::vector<Seen>& all) {
  const auto see_value = [&](ValueId value, const Tensor& tensor) {
    for (Seen& seen : all) {
      if (seen.place.value == value) see(seen, tensor);
    }
  };
  for (size_t i = 0; i < module.inputs.size() && i < batch.inputs.size(); ++i) see_value(module.inputs[i], batch.inputs[i]);
  FASTC_CHECK(evaluator.run(batch.inputs, [&](NodeId id, std::span<const Tensor>, std::span<const Tensor> results) -> Status {
    for (size_t i = 0; i < results.size(); ++i) see_value(module.node(id).outputs[i], results[i]);
    return {};
  }));
  return {};
}

Result<Worth> activation(const Request& request) {
  std::vector<Seen> all;
  std::vector<size_t> owner;  // the set of each
  for (const size_t index : request.sets) {
    for (const Place& place : places_of(request.module, request.coupling, request.coupling.sets[index])) {
      all.push_back({place, {}, 0});
      owner.push_back(index);
    }
  }
  FASTC_TRY(const auto batches, drawn_batches(*request.data, request.samples, request.batch_size, request.seed));
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(request.module));
  ProgressStage stage(request.progress, "activations for importance", static_cast<int64_t>(batches.size()));
  for (const auto& indices : batches) {
    if (interrupted()) return interrupted_error("measuring activations");
    FASTC_TRY(const Batch batch, request.data->batch(indices));
    FASTC_CHECK(see_batch(request.module, evaluator, batch, all));
    stage.step();
  }
  Worth worth{std::vector<double>(request.coupling.groups.size()), {}};
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].sums.empty()) continue;
    for (const size_t group : request.coupling.sets[owner[i]].groups) {
      const auto& indices = indices_at(request.coupling.groups[group], all[i].place);
      for (const int64_t index : indices) worth.values[group] += all[i].sums[static_cast<size_t>(index)] / all[i].count / static_cast<double>(indices.size());
    }
  }
  for (const double value : worth.values) {
    if (!std::isfinite(value)) return stage_error("expected finite activations to rank channels by, found NaN or infinity");
  }
  return worth;
}

const RegisterImportance registered{{.name = "activation", .summary = "mean |activation| where the channel is read (Hu 2016)", .needs_data = true, .measure = activation}};

}  // namespace
}  // namespace fastc::prune
