// Losses over LibTorch, one file each in losses/. Outputs are the trained network's, teacher the other's (empty where a loss needs none).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/result.h"
#include "engine/train.h"

namespace fastc {

struct LossInput {
  std::span<const at::Tensor> outputs, teacher;
  at::Tensor labels;                                          // i64 or float, or undefined
  std::span<const std::vector<at::Tensor>> more_teachers{};   // the outputs of the second teacher, the third …
  std::span<const at::Tensor> hidden{}, taught_hidden{};      // of Loss::levels(), in their order
};

class Loss {
 public:
  virtual ~Loss() = default;
  virtual bool needs_labels() const = 0;
  virtual bool needs_teacher() const = 0;
  virtual std::string name() const = 0;  // with its parameters, for checkpoint keys
  // A scalar to minimize. Errors are kStage: outputs or labels that do not fit.
  virtual Result<at::Tensor> operator()(const LossInput& input) const = 0;
  // Nodes whose first results it compares, student's and first teacher's.
  virtual std::span<const Level> levels() const { return {}; }
  // Leaves of its own that are trained with the network and thrown away afterwards, by name.
  virtual std::map<std::string, at::Tensor> parameters() const { return {}; }
};

}  // namespace fastc
