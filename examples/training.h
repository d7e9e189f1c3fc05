// What the training examples share: Adam by hand, so that they need only torch/script.h, and fastc's batches as LibTorch tensors.
#pragma once

#include <cmath>
#include <vector>

#include <torch/script.h>

#include "ir/tensor.h"

namespace examples {

struct Adam {
  std::vector<at::Tensor> parameters, m, v;
  int64_t step = 0;
  explicit Adam(const torch::jit::Module& net) {
    for (const at::Tensor& p : net.parameters()) parameters.push_back(p), m.push_back(at::zeros_like(p)), v.push_back(at::zeros_like(p));
  }
  void update(double lr) {
    c10::InferenceMode off(false);
    at::NoGradGuard no_grad;
    ++step;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const at::Tensor& g = parameters[i].grad();
      m[i].mul_(0.9).add_(g, 0.1);
      v[i].mul_(0.999).addcmul_(g, g, 0.001);
      const at::Tensor denominator = (v[i] / (1 - std::pow(0.999, step))).sqrt_().add_(1e-8);
      parameters[i].addcdiv_(m[i], denominator, -lr / (1 - std::pow(0.9, step)));
      parameters[i].mutable_grad().reset();
    }
  }
};

inline at::Tensor wrap(const fastc::Tensor& t, at::ScalarType type) {
  return at::from_blob(const_cast<void*>(t.raw()), t.shape(), at::TensorOptions().dtype(type)).clone();
}

inline void set_training(torch::jit::Module& net, bool training) {
  for (const auto& child : net.modules())
    if (child.hasattr("training")) torch::jit::Module(child).setattr("training", training);
}

}  // namespace examples
