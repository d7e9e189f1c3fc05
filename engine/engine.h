// The IR evaluated on LibTorch: the reference that the runtime is compared with, and where calibration and training happen.
// No LibTorch in this header; passes that differentiate include engine/autograd.h in their .cc.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

FASTC_API void set_engine_threads(int threads);  // LibTorch's intra-op threads; process-wide

// A module prepared for repeated evaluation without gradients: operands resolved, weights wrapped (not copied), intermediates freed after
// their last use. The module must outlive it unchanged. Integer nodes are evaluated exactly.
class FASTC_API Evaluator {
 public:
  static Result<Evaluator> prepare(const Module& module);
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;
  ~Evaluator();

  // Outputs for these inputs (in Module::inputs order; dense). Errors name node and shapes.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs) const;

  // Called for every node in order with its operands and results as they were computed (weights and absent operands are undefined tensors).
  // Returning an error stops the run with it.
  using Visitor = std::function<Status(NodeId node, std::span<const Tensor> operands, std::span<const Tensor> results)>;
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs, const Visitor& visit) const;

 private:
  struct Impl;
  explicit Evaluator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One node alone on given operands (used to fold constants and to compare node by node).
FASTC_API Result<std::vector<Tensor>> evaluate_node(const Module& module, NodeId node, std::span<const Tensor> operands);

// d loss / d weight, summed over the batch, for every trainable f32 weight. `labels` undefined: labels are drawn from the
// model's own softmax with `seed` (DESIGN: gradients under the fidelity task). Loss: mean cross entropy of output 0.
FASTC_API Result<std::map<std::string, Tensor>> weight_gradients(const Module& module, std::span<const Tensor> inputs, const Tensor& labels, uint64_t seed);

}  // namespace fastc
