// Training under a penalty that drives whole groups of coupled weights towards zero, so that removing them later costs little:
//
//   L + strength · Σ_groups sqrt(|g|) · ‖w_g‖₂
//
// (Yuan, Lin 2006; for channels Wen et al. 2016, "Learning Structured Sparsity", eq. 2; over everything that is coupled, Fang et al.
// 2023, "DepGraph", section 3.3). w_g are all weights of the group: filters, norms, the input slices of what reads the channel.
#pragma once

#include <memory>
#include <span>

#include "engine/train.h"
#include "ir/coupling.h"

namespace fastc::prune {

// Acts on the groups of these sets. The coupling need not outlive the call.
std::shared_ptr<TrainHook> group_lasso(const Module& module, const Coupling& coupling, std::span<const size_t> sets, double strength);

}  // namespace fastc::prune
