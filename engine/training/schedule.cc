#include "engine/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fastc::engine {

double schedule_factor(const ScheduleOptions& options, int64_t step, int64_t total, int64_t steps_per_epoch) {
  const auto warmup = static_cast<int64_t>(std::llround(options.warmup_epochs * static_cast<double>(steps_per_epoch)));
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (options.type == "cosine") {
    const int64_t length = std::max<int64_t>(1, total - warmup);
    const double done = std::min(1.0, static_cast<double>(step - warmup) / static_cast<double>(length));
    return options.floor + (1 - options.floor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
  if (options.type == "step") {
    const int64_t epoch = step / std::max<int64_t>(1, steps_per_epoch);
    return std::pow(options.gamma, static_cast<double>(epoch / options.every));
  }
  return 1;
}

}  // namespace fastc::engine
