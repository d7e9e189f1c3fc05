#include "passes/prune/goal.h"

#include <algorithm>

#include "ir/cost.h"

namespace fastc::prune {

const OptionSet<Goal>& goal_options() {
  static const auto set = OptionSet<Goal>("What remains")
                              .number("flops", &Goal::flops, "share of the FLOPs that remains", above(0).to(1))
                              .number("parameters", &Goal::parameters, "share of the parameters that remains", above(0).to(1))
                              .number("size", &Goal::size, "share of the weights' bytes that remains", above(0).to(1))
                              .number("latency", &Goal::latency, "share of the latency that remains, measured in the runtime at the recipe's target", above(0).to(1))
                              .integer("measurements", &Goal::measurements, "latency: at most so many candidates are measured", range(2, 1000))
                              .check([](const Goal& goal) {
                                const bool any = goal.flops || goal.parameters || goal.size || goal.latency;
                                return any ? "" : "expected \"flops\", \"parameters\", \"size\" or \"latency\", found none of them";
                              });
  return set;
}

Result<Meter> Meter::start(const Module& before, const Goal& goal, PassContext& context) {
  Meter meter(before, goal, context);
  FASTC_TRY(const ModuleCost cost, module_cost(before));
  meter.flops_ = static_cast<double>(std::max<int64_t>(cost.flops, 1));
  meter.parameters_ = static_cast<double>(std::max<int64_t>(cost.parameters, 1));
  meter.bytes_ = static_cast<double>(std::max<int64_t>(cost.weight_bytes, 1));
  return meter;
}

Result<Remaining> Meter::counted(const Module& module) const {
  FASTC_TRY(const ModuleCost cost, module_cost(module));
  return Remaining{static_cast<double>(cost.flops) / flops_, static_cast<double>(cost.parameters) / parameters_, static_cast<double>(cost.weight_bytes) / bytes_, {}};
}

Result<Remaining> Meter::remaining(const Module& module) {
  FASTC_TRY(Remaining left, counted(module));
  if (!goal_.latency || measurements_left_ == 0) return left;
  FASTC_TRY(left.latency, context_->relative_latency(module, before_));
  --measurements_left_;
  return left;
}

bool Meter::reached(const Remaining& left, double share) const {
  const auto holds = [share](const std::optional<double>& goal, std::optional<double> is) { return !goal || (is && *is <= 1 - share * (1 - *goal)); };
  return holds(goal_.flops, left.flops) && holds(goal_.parameters, left.parameters) && holds(goal_.size, left.size) && holds(goal_.latency, left.latency);
}

std::string remaining_text(const Remaining& left) {
  const std::string time = left.latency ? fmt::format(", {:.3f} of the latency", *left.latency) : "";
  return fmt::format("{:.3f} of the FLOPs, {:.3f} of the parameters, {:.3f} of the weights' bytes{}", left.flops, left.parameters, left.size, time);
}

Result<Found> smallest_removal(size_t last, const std::function<Result<Module>(size_t)>& candidate, Meter& meter, double share, std::string_view limits) {
  const auto probe = [&](size_t index) -> Result<Found> {
    FASTC_TRY(Module module, candidate(index));
    FASTC_TRY(const Remaining left, meter.remaining(module));
    return Found{index, std::move(module), left};
  };
  FASTC_TRY(Found best, probe(last));
  if (!meter.reached(best.left, share)) {
    return stage_error("expected the goal to be within reach, found that {} remain when all that {} allow is removed", remaining_text(best.left), limits);
  }
  size_t low = 0, high = last;  // the answer lies in [low, high]
  while (low < high && meter.measurements_left() > 0) {
    const size_t middle = low + (high - low) / 2;
    FASTC_TRY(Found smaller, probe(middle));
    if (meter.reached(smaller.left, share)) {
      high = middle;
      best = std::move(smaller);
    } else {
      low = middle + 1;
    }
  }
  return best;
}

}  // namespace fastc::prune
