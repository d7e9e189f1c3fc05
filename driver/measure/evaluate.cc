#include "driver/measure/evaluate.h"

#include <numeric>

#include "base/interrupt.h"

namespace fastc {
namespace {
constexpr int64_t kEvaluationBatch = 50;  // large enough to amortize, small enough that activations stay in cache
}

Result<Metrics> evaluate(const RunBatch& run, const Task& task, const RunBatch& reference, Progress& progress, int64_t limit) {
  const Dataset* data = task.evaluation();
  if (!data) return usage_error("/task/evaluation: expected data to evaluate on, found none");
  const int64_t total = limit > 0 ? std::min(limit, data->size()) : data->size();
  const std::unique_ptr<Metric> metric = task.metric();
  ProgressStage stage(progress, "evaluate", total);
  std::vector<int64_t> indices;
  for (int64_t first = 0; first < total; first += kEvaluationBatch) {
    if (interrupted()) return interrupted_error("evaluation");
    indices.resize(static_cast<size_t>(std::min(kEvaluationBatch, total - first)));
    std::iota(indices.begin(), indices.end(), first);
    FASTC_TRY(const Batch batch, data->batch(indices));
    FASTC_TRY(const std::vector<Tensor> outputs, run(batch.inputs));
    std::vector<Tensor> expected;
    if (task.needs_reference()) {
      FASTC_TRY(expected, reference(batch.inputs));
    }
    FASTC_CHECK(metric->add(batch, outputs, expected));
    stage.step(batch.size);
  }
  return metric->values();
}

}  // namespace fastc
