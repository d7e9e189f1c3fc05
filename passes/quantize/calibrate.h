// Ranges of a module's values on real data: the float program is evaluated, and an observer sees each value that will
// be quantized.
#pragma once

#include <map>
#include <set>

#include "base/progress.h"
#include "ir/module.h"
#include "passes/quantize/observers.h"
#include "tasks/task.h"

namespace fastc::quantize {

// Memory does not grow with the data: one batch of activations and 16 KiB per value. min_max and
// moving_average read the data once, the others twice. Errors: no samples, a value that is NaN or infinite (named, since no range can hold it).
Result<std::map<ValueId, Quant>> calibrate(const Module& module, const std::set<ValueId>& values, const Dataset& data,
                                           const RangeOptions& options, Progress& progress);

}  // namespace fastc::quantize
