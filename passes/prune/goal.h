// What shall remain of a network, and the search for the fewest removals that get there.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/options.h"
#include "passes/pass.h"

namespace fastc::prune {

struct Goal {
  std::optional<double> flops, parameters, size, latency;
  int64_t measurements = 12;
};
const OptionSet<Goal>& goal_options();

// Shares of what there was.
struct Remaining {
  double flops = 1, parameters = 1, size = 1;
  std::optional<double> latency;  // where it was measured
};

// Costs of a network before it was pruned, and what of them a smaller one keeps. Time is measured only where the goal asks for it.
class Meter {
 public:
  static Result<Meter> start(const Module& before, const Goal& goal, PassContext& context);
  Result<Remaining> remaining(const Module& module);
  Result<Remaining> counted(const Module& module) const;  // without measuring
  // With the goal moved towards 1: share 0.5 asks for half of the way.
  bool reached(const Remaining& left, double share = 1) const;
  int64_t measurements_left() const { return measurements_left_; }
  double flops() const { return flops_; }
  double parameters() const { return parameters_; }

 private:
  Meter(const Module& before, const Goal& goal, PassContext& context) : before_(before), goal_(goal), context_(&context), measurements_left_(goal.measurements) {}
  Module before_;
  Goal goal_;
  PassContext* context_;
  double flops_ = 1, parameters_ = 1, bytes_ = 1;
  int64_t measurements_left_;
};

// "0.482 of the FLOPs, 0.511 of the parameters and 0.513 of the weights' bytes"
std::string remaining_text(const Remaining& left);

struct Found {
  size_t index = 0;
  Module module;
  Remaining left;
};
// The candidate of the smallest index that reaches the goal, by bisection over 0 … last (each keeps less than the one before). Where
// measurements run out, the best one found. An error where even the last misses the goal; `limits` says what held it back.
Result<Found> smallest_removal(size_t last, const std::function<Result<Module>(size_t)>& candidate, Meter& meter, double share, std::string_view limits);

}  // namespace fastc::prune
