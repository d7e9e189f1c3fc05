// Which samples look alike (Tung, Mori, "Similarity-preserving knowledge distillation", 2019, equations 1 to 4): with a sample a row of Q,
//   G = Q Qᵀ, each row of length one      L = ‖G_t − G_s‖² / b²      over a batch of b samples. Nothing else of the shapes matters.
#include "engine/training/losses/hidden.h"

namespace fastc::losses {
namespace {

at::Tensor similarities(const at::Tensor& hidden) {
  const at::Tensor rows = hidden.reshape({hidden.size(0), -1});
  const at::Tensor products = rows.matmul(rows.t());
  return products.div(products.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12));
}

}  // namespace

at::Tensor similarity(const at::Tensor& student, const at::Tensor& teacher) {
  return similarities(teacher).sub(similarities(student)).square().mean();
}

}  // namespace fastc::losses
