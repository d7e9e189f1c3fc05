// What pruning minimizes, in plain numbers: for methods that only run the network, without gradients.
#pragma once

#include "base/result.h"
#include "ir/tensor.h"

namespace fastc::prune {

// Mean cross entropy of the class scores [N,…,classes] with i64 labels; where there are none, the change ‖y − y₀‖² / ‖y₀‖²
// against the reference (the unpruned network's output). An output or loss that is not finite is an error.
Result<double> loss_of(const Tensor& output, const Tensor& labels, const Tensor& reference);

// ‖y − y₀‖ / ‖y₀‖
Result<double> relative_change(const Tensor& output, const Tensor& reference);

}  // namespace fastc::prune
