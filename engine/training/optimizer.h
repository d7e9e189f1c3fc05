// Optimizers over ATen ops. One holds a slot of state tensors for each weight, in the order the weights were given.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/train.h"

namespace fastc::engine {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Changes the weights in place by their .grad(); a weight without one stays. `lr`: this step's rate. Gradients must not be recorded.
  virtual void step(double lr) = 0;
  // State by name ("mean", "square", "momentum"), parallel to the weights (empty tensors where a weight has none); for checkpoints, which write into
  // these tensors.
  virtual std::vector<std::pair<std::string, std::vector<at::Tensor>*>> state() = 0;
  int64_t steps = 0;  // taken so far
};

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<at::Tensor> weights);
std::unique_ptr<Optimizer> make_adam(const OptimizerOptions& options, std::vector<at::Tensor> weights);  // also adamw
std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options, std::vector<at::Tensor> weights);
std::unique_ptr<Optimizer> make_adafactor(const OptimizerOptions& options, std::vector<at::Tensor> weights);

// Scales all gradients by limit/norm where their common norm is above the limit; returns the norm before.
double clip_gradients(const std::vector<at::Tensor>& weights, double limit);

}  // namespace fastc::engine
