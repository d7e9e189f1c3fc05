#include "engine/training/optimizer.h"

#include <cmath>

namespace fastc::engine {

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<at::Tensor> weights) {
  return options.type == "sgd" ? make_sgd(options, std::move(weights)) : make_adam(options, std::move(weights));
}

double clip_gradients(const std::vector<at::Tensor>& weights, double limit) {
  double sum = 0;
  for (const at::Tensor& w : weights)
    if (w.grad().defined()) sum += w.grad().square().sum().item<double>();
  const double norm = std::sqrt(sum);
  if (norm > limit) {
    for (const at::Tensor& w : weights)
      if (w.grad().defined()) w.grad().mul_(limit / norm);
  }
  return norm;
}

}  // namespace fastc::engine
