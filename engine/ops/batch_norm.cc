// batch_norm: running statistics in inference; in training the batch's own, and the running ones move towards them:
// running = (1 − momentum)·running + momentum·batch (Ioffe, Szegedy 2015; the variance of the running ones is unbiased).
#include <ATen/ops/batch_norm.h>

#include "engine/eval.h"

namespace fastc::engine {
namespace {

Result<Evaluate> batch_norm(const Site& site) {
  const double eps = site.node.number("eps"), momentum = site.node.number("momentum");
  const bool training = site.mode == Mode::kTrain;
  return [=](Call& call) {
    const auto optional = [&](size_t i) { return call.has(i) ? std::optional(call.in(i)) : std::nullopt; };
    call.set(at::batch_norm(call.in(0), optional(1), optional(2), optional(3), optional(4), training, momentum, eps, false));
  };
}

const RegisterEval registered{"batch_norm", batch_norm};

}  // namespace
}  // namespace fastc::engine
