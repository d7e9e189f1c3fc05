// Mean squared error: L = mean((y − label)²), for regression.
#include <ATen/ops/mse_loss.h>

#include "engine/training/losses/scores.h"

namespace fastc {
namespace {

class MeanSquaredError final : public Loss {
 public:
  bool needs_labels() const override { return true; }
  bool needs_teacher() const override { return false; }
  std::string name() const override { return "mse"; }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    FASTC_TRY(const at::Tensor labels, losses::targets(input));
    return at::mse_loss(input.outputs[0], labels);
  }
};

}  // namespace

std::shared_ptr<const Loss> mean_squared_error() { return std::make_shared<MeanSquaredError>(); }

}  // namespace fastc
