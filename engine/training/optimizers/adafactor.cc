// Adafactor (Shazeer, Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, algorithms 4 and 5). Of a matrix's squared
// gradients only the means of rows and of columns are kept; their product, over the mean of all, is the best rank-one estimate (equation 3):
//
//   β̂₂ = 1 − t^−0.8    R ← β̂₂R + (1−β̂₂) mean_columns(g² + ε₁)    C ← β̂₂C + (1−β̂₂) mean_rows(g² + ε₁)    V̂ = R Cᵀ / mean(R)
//   u = g / √V̂         u ← u / max(1, RMS(u))                   w ← w − lr · max(ε₂, RMS(w)) · u
//
// A linear [O, I] keeps O + I numbers in place of Adam's 2·O·I. Of a weight with more axes, axis 0 is the rows and the rest the columns; of one with
// fewer, every square is kept (there is nothing to factor). No first moment. lr is relative to the weight's own size: the paper's ρ.
// Decay as in adamw: w ← w · (1 − lr·λ).
#include <cmath>

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "engine/training/optimizer.h"

namespace fastc::engine {
namespace {

constexpr double kEps1 = 1e-30;  // added to squares, so that an all-zero row divides nothing by zero (the paper's ε₁)
constexpr double kEps2 = 1e-3;   // the least size a weight counts with, so that one that starts at zero can leave it (ε₂)
constexpr double kDecayPower = 0.8, kClip = 1;

double rms(const at::Tensor& t) { return t.numel() == 0 ? 0 : std::sqrt(t.square().mean().item<double>()); }

class Adafactor final : public Optimizer {
 public:
  Adafactor(const OptimizerOptions& options, std::vector<at::Tensor> weights) : options_(options), weights_(std::move(weights)) {
    for (const at::Tensor& w : weights_) {
      const bool matrix = w.dim() >= 2;
      const at::Tensor flat = matrix ? w.detach().reshape({w.size(0), -1}) : at::Tensor();
      rows_.push_back(at::zeros({matrix ? flat.size(0) : 0}, w.options().requires_grad(false)));
      columns_.push_back(at::zeros({matrix ? flat.size(1) : 0}, w.options().requires_grad(false)));
      squares_.push_back(matrix ? at::zeros({0}, w.options().requires_grad(false)) : at::zeros_like(w.detach()));
    }
  }

  void step(double lr) override {
    ++steps;
    const double beta2 = 1 - std::pow(static_cast<double>(steps), -kDecayPower);
    for (size_t i = 0; i < weights_.size(); ++i) {
      at::Tensor w = weights_[i].detach();
      const at::Tensor g = weights_[i].grad();
      if (!g.defined()) continue;
      at::Tensor update = g.div(root_of_square(i, g.square().add_(kEps1), beta2));
      update.div_(std::max(1.0, rms(update) / kClip));
      const double size = std::max(kEps2, rms(w));
      if (options_.weight_decay > 0) w.mul_(1 - lr * options_.weight_decay);
      w.add_(update, -lr * size);
    }
  }

  std::vector<std::pair<std::string, std::vector<at::Tensor>*>> state() override { return {{"row", &rows_}, {"column", &columns_}, {"square", &squares_}}; }

 private:
  // √V̂, in the weight's shape.
  at::Tensor root_of_square(size_t i, const at::Tensor& square, double beta2) {
    if (square.dim() < 2) return squares_[i].mul_(beta2).add_(square, 1 - beta2).sqrt();
    const at::Tensor flat = square.reshape({square.size(0), -1});
    rows_[i].mul_(beta2).add_(flat.mean(1), 1 - beta2);
    columns_[i].mul_(beta2).add_(flat.mean(0), 1 - beta2);
    const at::Tensor relative = rows_[i].div(rows_[i].mean());
    return relative.unsqueeze(1).mul(columns_[i].unsqueeze(0)).sqrt_().reshape(square.sizes());
  }

  OptimizerOptions options_;
  std::vector<at::Tensor> weights_, rows_, columns_, squares_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adafactor(const OptimizerOptions& options, std::vector<at::Tensor> weights) {
  return std::make_unique<Adafactor>(options, std::move(weights));
}

}  // namespace fastc::engine
