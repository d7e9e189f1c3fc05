// Stochastic gradient descent with momentum μ and decay λ (Sutskever et al., "On the importance of initialization and momentum
// in deep learning", 2013, in the form every framework uses):
//   g ← g + λw    b ← μb + g    w ← w − lr·b        nesterov: w ← w − lr·(g + μb)
#include <ATen/ops/zeros_like.h>

#include "engine/training/optimizer.h"

namespace fastc::engine {
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<at::Tensor> weights) : options_(options), weights_(std::move(weights)) {
    if (options_.momentum == 0) return;
    for (const at::Tensor& w : weights_) momentum_.push_back(at::zeros_like(w.detach()));
  }

  void step(double lr) override {
    ++steps;
    for (size_t i = 0; i < weights_.size(); ++i) {
      at::Tensor w = weights_[i].detach(), g = weights_[i].grad();
      if (!g.defined()) continue;
      if (options_.weight_decay > 0) g = g.add(w, options_.weight_decay);
      if (options_.momentum > 0) {
        momentum_[i].mul_(options_.momentum).add_(g);
        g = options_.nesterov ? g.add(momentum_[i], options_.momentum) : momentum_[i];
      }
      w.add_(g, -lr);
    }
  }

  std::vector<std::pair<std::string, std::vector<at::Tensor>*>> state() override { return {{"momentum", &momentum_}}; }

 private:
  OptimizerOptions options_;
  std::vector<at::Tensor> weights_, momentum_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options, std::vector<at::Tensor> weights) {
  return std::make_unique<Sgd>(options, std::move(weights));
}

}  // namespace fastc::engine
