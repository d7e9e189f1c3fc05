// What importances of weights share: sums over the filters of a channel.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "passes/prune/importance/importance.h"

namespace fastc::prune {

// The weight's numbers, dense; an error naming it when it is not f32, or holds NaN or infinity.
Result<Tensor> finite_weight(const Module& module, ValueId weight);

// For each index of `axis` the sum over everything else of f(position in the dense tensor).
std::vector<double> sums_along(const std::vector<int64_t>& shape, int64_t axis, const std::function<double(size_t)>& f);

// Adds to each group of the set what its members at this weight and axis sum to.
void add_to_groups(const Coupling& coupling, const ChannelSet& set, const WeightAxis& place, std::span<const double> sums, std::vector<double>& out);

// Σ f(w) over the filters that write each channel.
Result<std::vector<double>> written_sums(const Request& request, double (*f)(double));

}  // namespace fastc::prune
