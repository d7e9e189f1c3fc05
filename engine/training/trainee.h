// A module while it is trained: leaves that require gradients in place of its weights, and the way back into it.
//
// A quantized program is trained as such (quantization-aware training): its leaves are float weights, rounded in every step as the
// integer program rounds them, and the logarithms of the steps, called NAME/step for a weight or value NAME. The way back rounds for good.
// Weights kept as f16 or bf16 have f32 leaves too, rounded in every step and in the end.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/autograd.h"

namespace fastc::engine {

class Trainee {
 public:
  // The module is not touched before write_back(). kStage where nothing can be trained.
  static Result<Trainee> prepare(const Module& module, Mode mode);
  Result<std::vector<at::Tensor>> run(std::span<const at::Tensor> inputs, const Plan::Visitor* visit = nullptr) const { return plan_.run(inputs, visit); }
  std::vector<at::Tensor> leaves() const;                // in the order of names
  const std::map<std::string, at::Tensor>& named_leaves() const { return leaves_; }
  std::map<std::string, at::Tensor> changing() const;    // leaves and running statistics
  std::vector<std::string> left_alone() const;           // nodes with a weight that should change and has no leaf
  bool quantized() const { return !plan_.roundings().empty(); }
  void clear_gradients();
  void restore_zeros();  // of weights with a sparsity pattern
  Status write_back(Module& module) const;

 private:
  explicit Trainee(Plan plan) : plan_(std::move(plan)) {}
  void add_leaf(const std::string& name, const at::Tensor& start);
  Plan plan_;
  std::map<std::string, at::Tensor> leaves_, statistics_;
  std::vector<std::pair<at::Tensor, at::Tensor>> patterns_;  // leaf, mask of its elements that may live
};

}  // namespace fastc::engine
