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

constexpr std::pair<Normalize, std::string_view> kNames[] = {{Normalize::kNone, "none"}, {Normalize::kMean, "mean"}, {Normalize::kMax, "max"},
                                                            {Normalize::kNorm, "norm"}, {Normalize::kLamp, "lamp"}, {Normalize::kRank, "rank"}};

std::optional<Normalize> parse_normalize(std::string_view text) {
  for (const auto& [normalize, name] : kNames) {
    if (name == text) return normalize;
  }
  return {};
}

std::string_view name_of(Normalize normalize) { return kNames[static_cast<size_t>(normalize)].second; }

std::vector<double> normalized(std::span<const double> worths, Normalize normalize) {
  std::vector<double> out(worths.begin(), worths.end());
  double sum = 0, squares = 0, most = 0;
  for (const double s : worths) sum += s, squares += s * s, most = std::max(most, s);
  const auto divide = [&](double by) {
    for (double& s : out) s /= by > 0 ? by : 1;  // a layer of zeros stays at 0
  };
  switch (normalize) {
    case Normalize::kNone: break;
    case Normalize::kMean: divide(sum / static_cast<double>(std::max<size_t>(out.size(), 1))); break;
    case Normalize::kMax: divide(most); break;
    case Normalize::kNorm: divide(std::sqrt(squares)); break;
    case Normalize::kLamp: {
      double tail = 0;
      for (auto at = out.rbegin(); at != out.rend(); ++at) {
        tail += *at * *at;
        *at = tail > 0 ? *at * *at / tail : 0;
      }
      break;
    }
    case Normalize::kRank:
      for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(i + 1) / static_cast<double>(out.size());
      break;
  }
  return out;
}

int64_t allowed_to_stay(const ChannelSet& set, double wanted, const Limits& limits) {
  const int64_t size = static_cast<int64_t>(set.groups.size()), unit = unit_of(set, limits);
  const int64_t rounded = static_cast<int64_t>(std::floor(wanted / static_cast<double>(unit) + 0.5)) * unit;
  return std::clamp(rounded, least(set, limits), size);
}

std::vector<size_t> by_ratio(const Coupling& coupling, std::span<const size_t> sets, std::span<const int64_t> sizes, std::span<const double> worth, double ratio,
                             const Limits& limits) {
  std::vector<size_t> out;
  if (ratio <= 0) return out;
  for (size_t i = 0; i < sets.size(); ++i) {
    const ChannelSet& set = coupling.sets[sets[i]];
    const auto order = least_worth_first(set, worth);
    const int64_t stay = allowed_to_stay(set, (1 - ratio) * static_cast<double>(sizes[i]), limits);
    out.insert(out.end(), order.begin(), order.end() - stay);
  }
  return out;
}

std::vector<std::vector<size_t>> global_steps(const Coupling& coupling, std::span<const size_t> sets, std::span<const double> worth, Normalize normalize, const Limits& limits) {
  struct Step { double worth; std::vector<size_t> groups; };
  std::vector<Step> steps;
  for (const size_t index : sets) {
    const ChannelSet& set = coupling.sets[index];
    const auto order = least_worth_first(set, worth);
    std::vector<double> sorted;
    for (const size_t group : order) sorted.push_back(worth[group]);
    const std::vector<double> scores = normalized(sorted, normalize);
    const int64_t unit = unit_of(set, limits), floor = least(set, limits);
    int64_t first = 0;
    for (int64_t left = static_cast<int64_t>(order.size()); left > floor;) {
      const int64_t next = std::max((left - 1) / unit * unit, floor);
      const int64_t count = left - next;
      Step step{0, {order.begin() + first, order.begin() + first + count}};
      for (int64_t i = first; i < first + count; ++i) step.worth += scores[static_cast<size_t>(i)] / static_cast<double>(count);
      first += count;
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
