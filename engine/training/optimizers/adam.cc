// Adam (Kingma, Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1):
//   m ← β₁m + (1−β₁)g    v ← β₂v + (1−β₂)g²    w ← w − lr · (m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + ε)
// Decay λ: adam adds λw to g; adamw instead multiplies w by 1 − lr·λ first (Loshchilov, Hutter, "Decoupled weight decay
// regularization", 2019).
#include <cmath>

#include <ATen/ops/zeros_like.h>

#include "engine/training/optimizer.h"

namespace fastc::engine {
namespace {

class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, std::vector<at::Tensor> weights) : options_(options), weights_(std::move(weights)) {
    for (const at::Tensor& w : weights_) {
      mean_.push_back(at::zeros_like(w.detach()));
      square_.push_back(at::zeros_like(w.detach()));
    }
  }

  void step(double lr) override {
    ++steps;
    const double beta1 = options_.betas[0], beta2 = options_.betas[1];
    const double correction1 = 1 - std::pow(beta1, static_cast<double>(steps)), correction2 = 1 - std::pow(beta2, static_cast<double>(steps));
    for (size_t i = 0; i < weights_.size(); ++i) {
      at::Tensor w = weights_[i].detach(), g = weights_[i].grad();
      if (!g.defined()) continue;
      if (options_.weight_decay > 0) {
        if (options_.type == "adamw") w.mul_(1 - lr * options_.weight_decay);
        else g = g.add(w, options_.weight_decay);
      }
      mean_[i].mul_(beta1).add_(g, 1 - beta1);
      square_[i].mul_(beta2).addcmul_(g, g, 1 - beta2);
      w.addcdiv_(mean_[i], square_[i].sqrt().div_(std::sqrt(correction2)).add_(options_.eps), -lr / correction1);
    }
  }

  std::vector<std::pair<std::string, std::vector<at::Tensor>*>> state() override { return {{"mean", &mean_}, {"square", &square_}}; }

 private:
  OptimizerOptions options_;
  std::vector<at::Tensor> weights_, mean_, square_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(const OptimizerOptions& options, std::vector<at::Tensor> weights) {
  return std::make_unique<Adam>(options, std::move(weights));
}

}  // namespace fastc::engine
