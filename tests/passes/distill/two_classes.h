// A linear map of two numbers to two classes (the larger number is the class), four samples, and plain gradient descent: small enough for steps by hand.
#pragma once

#include "tests/passes/support.h"

namespace fastc::test {

inline const Tensor kInputs = Tensor::of<float>({4, 2}, {1, -1, 2, 0, -1, 1, 0, 3});
inline const Tensor kLabels = Tensor::of<int64_t>({4}, {0, 0, 1, 1});

inline Module two_classes(std::initializer_list<float> weights) {
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
    @w : f32[2,2] = zeros
    %y = linear(%x, @w)
  })");
  m.weights.find("w")->second.data = Tensor::of<float>({2, 2}, weights);
  return m;
}

inline nlohmann::json sgd(double lr, int64_t epochs) {
  return {{"epochs", epochs}, {"batch_size", 4}, {"optimizer", {{"type", "sgd"}, {"lr", lr}, {"momentum", 0}}}, {"schedule", {{"type", "constant"}}}};
}

inline std::vector<double> weight_values(const Module& m, std::string_view name = "w") { return to_doubles(m.weights.find(name)->second.data); }

}  // namespace fastc::test
