// How much a channel is worth: one number for each group of a coupling (ir/coupling.h). Only the order, and within a set the
// ratio to the set's mean, matter.
#pragma once

#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "ir/coupling.h"
#include "tasks/task.h"

namespace fastc::prune {

// Σ |w| over the filters that write the channel (Li et al. 2017, "Pruning Filters for Efficient ConvNets"). Sets that nothing
// writes get 0. A weight that is not finite is an error naming it.
Result<std::vector<double>> l1_importance(const Module& module, const Coupling& coupling);

struct TaylorOptions {
  int64_t samples = 512, batch_size = 32;
  uint64_t seed = 0;
};

// Mean over batches of (Σ g·w)², Molchanov et al. 2019 ("Importance Estimation for Neural Network Pruning"), eq. 8: the squared
// first-order change of the loss when the group's parameters are zeroed. The parameters are the weights that read the channel (zeroing
// them is exactly removing it, whatever norm or activation stands before); those that write it where nothing reads it.
// Labels come from `data`, or are drawn from the model's own softmax where it has none.
Result<std::vector<double>> taylor_importance(const Module& module, const Coupling& coupling, const Dataset& data, const TaylorOptions& options,
                                              Progress& progress);

}  // namespace fastc::prune
