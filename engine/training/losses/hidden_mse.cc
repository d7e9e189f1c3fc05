// Hints (Romero et al., "FitNets: hints for thin deep nets", 2015, equation 3), relative to the size of what is matched, so that levels of
// different magnitude count alike: L = mean((s − t)²) / mean(t²).
#include <ATen/ops/mse_loss.h>

#include "engine/training/losses/hidden.h"

namespace fastc::losses {

at::Tensor hidden_mse(const at::Tensor& student, const at::Tensor& teacher) {
  return at::mse_loss(student, teacher).div(teacher.square().mean().add(1e-12));  // an all-zero teacher divides nothing by zero
}

}  // namespace fastc::losses
