// Losses over LibTorch. Outputs are the trained module's, teacher the other's (empty where a loss needs none).
#pragma once

#include <memory>
#include <span>

#include <ATen/core/Tensor.h>

#include "base/result.h"
#include "engine/train.h"

namespace fastc {

struct LossInput {
  std::span<const at::Tensor> outputs, teacher;
  at::Tensor labels;  // i64, or undefined
};

class Loss {
 public:
  virtual ~Loss() = default;
  virtual bool needs_labels() const = 0;
  virtual bool needs_teacher() const = 0;
  virtual std::string name() const = 0;  // with its parameters, for checkpoint keys
  // A scalar to minimize. Errors are kStage: outputs or labels that do not fit.
  virtual Result<at::Tensor> operator()(const LossInput& input) const = 0;
};

}  // namespace fastc
