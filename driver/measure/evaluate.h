// Accuracy, taken on the artifact itself: task batches through the runtime, scored by the task's metric.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "driver/measure/artifact_model.h"
#include "tasks/task.h"

namespace fastc {

using Metrics = std::map<std::string, double>;
using RunBatch = std::function<Result<std::vector<Tensor>>(std::span<const Tensor>)>;

// `reference` runs the original where the metric compares with it (Task::needs_reference); else it may be empty.
// `limit` > 0: only the first samples (a sanity probe between stages).
Result<Metrics> evaluate(const RunBatch& run, const Task& task, const RunBatch& reference, Progress& progress, int64_t limit = 0);

}  // namespace fastc
