// The engine as passes that differentiate see it: tensors of the IR as LibTorch's, and a module as a function of its weights.
// Only .cc files include this (LibTorch's headers cost seconds); engine.h and train.h are free of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/result.h"
#include "engine/fake_quantize.h"
#include "ir/module.h"

namespace fastc {

at::ScalarType scalar_type(DType dtype);
Result<DType> dtype_of_scalar(at::ScalarType type);

// Shares memory both ways; whoever lives longest keeps it. wrap()'s tensor must not be written to (a Tensor is immutable
// while shared, and may be a read-only mapping). unwrap() makes dense and row-major first.
at::Tensor wrap(const Tensor& tensor);
Result<Tensor> unwrap(const at::Tensor& tensor);

// Mean cross entropy of class scores [N,…,classes] with i64 labels, differentiable; where they are undefined, with labels drawn from the
// model's own softmax with `seed` (the expected gradient is zero then, its square is the Fisher information).
Result<at::Tensor> label_loss(const at::Tensor& output, const Tensor& labels, uint64_t seed);

namespace engine {

enum class Mode : uint8_t {
  kInfer,        // running statistics; integer nodes exactly
  kTrain,        // differentiable: integers as fake quantization; batch statistics, running ones updated
  kTrainFrozen,  // differentiable, but batch norm keeps its running statistics
};

struct Site;
struct Step;

// A module prepared for repeated evaluation: attributes read, operands resolved to slots, intermediates freed at their last
// use, weights wrapped. It sets no gradient mode: the caller holds at::NoGradGuard or c10::InferenceMode, or wants gradients.
// The module must outlive the plan unchanged; one plan may run on several threads as long as none trains.
class Plan {
 public:
  static Result<Plan> prepare(const Module& module, Mode mode);
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

  // Operands and results of each node in order, weights included, absent operands undefined.
  using Visitor = std::function<Status(NodeId, std::span<const at::Tensor> operands, std::span<const at::Tensor> results)>;
  Result<std::vector<at::Tensor>> run(std::span<const at::Tensor> inputs, const Visitor* visit = nullptr) const;

  // The tensor that stands for a weight: training puts a leaf that requires gradients here (same shape and dtype). In training an encoded
  // weight is what it decodes to, an i32 bias is in units of its layer's result, and f16 and bf16 under f32 arithmetic are f32.
  at::Tensor weight(const std::string& name) const;
  void set_weight(const std::string& name, at::Tensor tensor);
  // In training: how results with parameters and encoded weights are rounded. Training puts leaves into log_factor.
  std::map<ValueId, FakeQuantize>& roundings() { return roundings_; }
  const std::map<ValueId, FakeQuantize>& roundings() const { return roundings_; }
  const Module& module() const { return *module_; }

 private:
  Plan() = default;
  Result<SymbolValues> bind(std::span<const at::Tensor> inputs) const;
  Status round_as_integers(const Site& site);
  const Module* module_ = nullptr;
  std::vector<Step> steps_;
  std::vector<at::Tensor> constants_;  // by ValueId: weights, the rest undefined
  std::map<ValueId, FakeQuantize> roundings_;
  std::map<ValueId, at::ScalarType> halves_;  // in training: weights that are f32 here and rounded in every run as the file keeps them
};

}  // namespace engine
}  // namespace fastc
