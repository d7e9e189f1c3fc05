#include "passes/prune/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fastc::prune {
namespace {

// In groups: a group of several channels (a head) needs fewer groups to make a multiple.
int64_t unit_of(const ChannelSet& set, const Limits& limits) { return limits.round_to / std::gcd(limits.round_to, set.channels_per_group); }

int64_t least(const ChannelSet& set, const Limits& limits) {
  const int64_t unit = unit_of(set, limits);
  const int64_t minimum = (limits.min_channels + set.channels_per_group - 1) / set.channels_per_group;
  const int64_t rounded = (std::max<int64_t>(minimum, 1) + unit - 1) / unit * unit;
  return std::min<int64_t>(rounded, static_cast<int64_t>(set.groups.size()));
}

std::vector<size_t> least_worth_first(const ChannelSet& set, std::span<const double> worth) {
  std::vector<size_t> order = set.groups;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return worth[a] < worth[b]; });
  return order;
}

}  // namespace

int64_t allowed_to_stay(const ChannelSet& set, double wanted, const Limits& limits) {
  const int64_t size = static_cast<int64_t>(set.groups.size()), unit = unit_of(set, limits);
  const int64_t rounded = static_cast<int64_t>(std::floor(wanted / static_cast<double>(unit) + 0.5)) * unit;
  return std::clamp(rounded, least(set, limits), size);
}

std::vector<size_t> by_ratio(const Coupling& coupling, std::span<const size_t> sets, std::span<const double> worth, double ratio, const Limits& limits) {
  std::vector<size_t> out;
  if (ratio <= 0) return out;
  for (const size_t index : sets) {
    const ChannelSet& set = coupling.sets[index];
    const auto order = least_worth_first(set, worth);
    const int64_t stay = allowed_to_stay(set, (1 - ratio) * static_cast<double>(order.size()), limits);
    out.insert(out.end(), order.begin(), order.end() - stay);
  }
  return out;
}

std::vector<std::vector<size_t>> global_steps(const Coupling& coupling, std::span<const size_t> sets, std::span<const double> worth, const Limits& limits) {
  struct Step { double worth; std::vector<size_t> groups; };
  std::vector<Step> steps;
  for (const size_t index : sets) {
    const ChannelSet& set = coupling.sets[index];
    const auto order = least_worth_first(set, worth);
    double mean = 0;
    for (const size_t group : order) mean += worth[group] / static_cast<double>(order.size());
    if (mean <= 0) mean = 1;
    const int64_t unit = unit_of(set, limits), floor = least(set, limits);
    auto first = order.begin();
    for (int64_t left = static_cast<int64_t>(order.size()); left > floor;) {
      const int64_t next = std::max((left - 1) / unit * unit, floor);
      Step step{0, {first, first + (left - next)}};
      for (const size_t group : step.groups) step.worth += worth[group] / mean / static_cast<double>(left - next);
      first += left - next;
      left = next;
      steps.push_back(std::move(step));
    }
  }
  std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.worth < b.worth; });
  std::vector<std::vector<size_t>> out;
  for (Step& step : steps) out.push_back(std::move(step.groups));
  return out;
}

}  // namespace fastc::prune
