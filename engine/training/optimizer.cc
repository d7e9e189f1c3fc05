#include "engine/training/optimizer.h"

#include <cmath>

namespace fastc::engine {

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<at::Tensor> weights) {
  if (options.type == "sgd") return make_sgd(options, std::move(weights));
  if (options.type == "adafactor") return make_adafactor(options, std::move(weights));
  return make_adam(options, std::move(weights));
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
