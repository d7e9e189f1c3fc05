// Which groups go, given what each is worth. Pure functions; the order is total (worth, then index), so that ties are decided
// the same way everywhere.
#pragma once

#include <span>
#include <vector>

#include "ir/coupling.h"

namespace fastc::prune {

struct Limits {
  int64_t round_to = 8;      // what stays is a multiple of this, in channels; sets smaller than it are left alone
  int64_t min_channels = 1;
};

// How many groups of a set stay when `wanted` would: rounded to the nearest allowed number, never below the limits.
int64_t allowed_to_stay(const ChannelSet& set, double wanted, const Limits& limits);

// The groups that go when every set loses this share of its channels: the least worth first.
std::vector<size_t> by_ratio(const Coupling& coupling, std::span<const size_t> sets, std::span<const double> worth, double ratio, const Limits& limits);

// Steps in which all sets can be shrunk as far as the limits allow, the cheapest of all first: each step takes one set to its next
// allowed size. Worth is divided by the set's mean, so that sets of different layers compare (He et al. 2018 and others rank
// layers apart; a global ranking of raw L1 norms empties the layers with small weights).
std::vector<std::vector<size_t>> global_steps(const Coupling& coupling, std::span<const size_t> sets, std::span<const double> worth, const Limits& limits);

}  // namespace fastc::prune
