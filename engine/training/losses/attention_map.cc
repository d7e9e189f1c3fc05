// Where a network looks (Zagoruyko, Komodakis, "Paying more attention to attention", 2017, equation 2, with p = 2): the map Q of a sample is the
// sum of squares over channels, as a vector of length one; L = mean over samples of ‖Q_s − Q_t‖². (Squared, as the authors' program has it: the norm itself
// has no gradient where both agree.) The number of channels does not matter.
#include "engine/training/losses/hidden.h"

namespace fastc::losses {
namespace {

at::Tensor map_of(const at::Tensor& hidden) {
  const at::Tensor map = hidden.square().sum(channel_axis(hidden.dim())).reshape({hidden.size(0), -1});
  return map.div(map.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12));
}

}  // namespace

at::Tensor attention_map(const at::Tensor& student, const at::Tensor& teacher) {
  return map_of(student).sub(map_of(teacher)).square().sum(1).mean();
}

}  // namespace fastc::losses
