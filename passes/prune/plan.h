// Which groups go, given what each is worth. Pure functions; the order is total (worth, then index), so that ties are decided
// the same way everywhere.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/coupling.h"

namespace fastc::prune {

struct Limits {
  int64_t round_to = 8;      // what stays is a multiple of this, in channels; sets smaller than it are left alone
  int64_t min_channels = 1;
};

// How the worths of one layer are made comparable with another's, for a ranking of all layers together. With s ascending:
enum class Normalize : uint8_t {
  kNone,  // s: worths are in one unit already, such as change of the loss
  kMean,  // s / mean(s)
  kMax,   // s / max(s)
  kNorm,  // s / sqrt(Σ s²) (Molchanov et al. 2017, section 2.3)
  kLamp,  // s_i² / Σ_{j ≥ i} s_j² (Lee et al. 2021, "Layer-adaptive Sparsity", eq. 2): the most important channel of each layer scores 1
  kRank,  // (i + 1) / n: every layer loses the same share
};
std::optional<Normalize> parse_normalize(std::string_view text);  // "none", "mean" …
std::string_view name_of(Normalize normalize);
// `worths` ascending.
std::vector<double> normalized(std::span<const double> worths, Normalize normalize);

// How many groups of a set stay when `wanted` would: rounded to the nearest allowed number, never below the limits.
int64_t allowed_to_stay(const ChannelSet& set, double wanted, const Limits& limits);

// The groups that go when (1 − ratio) · sizes[i] groups of sets[i] stay: the least worth first. `sizes` are what the ratio is a share of:
// the sets' own sizes, or, where a network is pruned in several steps, what they were at first.
std::vector<size_t> by_ratio(const Coupling& coupling, std::span<const size_t> sets, std::span<const int64_t> sizes, std::span<const double> worth, double ratio,
                             const Limits& limits);

// Steps in which all sets can be shrunk as far as the limits allow, the cheapest of all first: each step takes one set to its next
// allowed size.
std::vector<std::vector<size_t>> global_steps(const Coupling& coupling, std::span<const size_t> sets, std::span<const double> worth, Normalize normalize, const Limits& limits);

}  // namespace fastc::prune
