#pragma once

#include "engine/train.h"

namespace fastc::engine {

// The factor on the learning rate at a step (from 0) of a run of `total` steps.
double schedule_factor(const ScheduleOptions& options, int64_t step, int64_t total, int64_t steps_per_epoch);

}  // namespace fastc::engine
