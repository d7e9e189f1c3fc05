#include "passes/quantize/calibrate.h"

#include <numeric>
#include <vector>

#include "base/interrupt.h"
#include "engine/engine.h"

namespace fastc::quantize {
namespace {

constexpr int64_t kBatch = 32;

using Table = std::map<ValueId, Observed>;
using See = void (Observed::*)(std::span<const float>);

void see_value(Table& table, ValueId id, const Tensor& tensor, See see) {
  const auto found = table.find(id);
  if (found == table.end() || !tensor.defined() || tensor.dtype() != DType::kF32) return;
  const Tensor dense = tensor.to_contiguous();
  (found->second.*see)(dense.values<float>());
}

// Every sample once, every value of the table seen once a sample.
Status see_all(const Module& module, const Evaluator& evaluator, const Dataset& data, Table& table, See see,
               Progress& progress) {
  const int64_t samples = data.size();
  ProgressStage stage(progress, "calibration", samples);
  for (int64_t first = 0; first < samples; first += kBatch) {
    if (interrupted()) return interrupted_error("calibrating");
    std::vector<int64_t> indices(static_cast<size_t>(std::min(kBatch, samples - first)));
    std::iota(indices.begin(), indices.end(), first);
    FASTC_TRY(const Batch batch, data.batch(indices));
    for (size_t i = 0; i < module.inputs.size() && i < batch.inputs.size(); ++i)
      see_value(table, module.inputs[i], batch.inputs[i], see);
    FASTC_CHECK(
        evaluator.run(batch.inputs, [&](NodeId id, std::span<const Tensor>, std::span<const Tensor> results) -> Status {
          const Node& node = module.node(id);
          for (size_t i = 0; i < results.size() && i < node.outputs.size(); ++i)
            see_value(table, node.outputs[i], results[i], see);
          return {};
        }));
    stage.step(static_cast<int64_t>(indices.size()));
  }
  return {};
}

}  // namespace

Result<std::map<ValueId, Quant>> calibrate(const Module& module, const std::set<ValueId>& values, const Dataset& data,
                                           const RangeOptions& options, Progress& progress) {
  if (data.size() == 0) return stage_error("expected calibration data, found no samples");
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  Table table;
  for (const ValueId id : values) table[id];
  FASTC_CHECK(see_all(module, evaluator, data, table, &Observed::widen, progress));
  for (const auto& [id, observed] : table)
    if (!observed.finite())
      return stage_error("{}: expected finite values on the calibration data, found NaN or infinity",
                         module.value(id).name);
  if (needs_counts(options)) FASTC_CHECK(see_all(module, evaluator, data, table, &Observed::count, progress));
  std::map<ValueId, Quant> out;
  for (const auto& [id, observed] : table) out[id] = observed.quant(options);
  return out;
}

}  // namespace fastc::quantize
