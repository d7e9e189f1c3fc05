// Mean squared difference of the scores themselves: L = mean((y − teacher)²), of several teachers from their mean (Ba, Caruana, "Do deep nets
// really need to be deep?", 2014, equation 1: no temperature, and scores far below the largest count as well).
#include <ATen/ops/mse_loss.h>

#include "engine/training/losses/scores.h"

namespace fastc {
namespace {

class LogitsMse final : public Loss {
 public:
  bool needs_labels() const override { return false; }
  bool needs_teacher() const override { return true; }
  std::string name() const override { return "logits_mse"; }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    FASTC_TRY(const at::Tensor taught, losses::mean_of_teachers(input, 0));
    return at::mse_loss(input.outputs[0], taught);
  }
};

}  // namespace

std::shared_ptr<const Loss> logits_mse() { return std::make_shared<LogitsMse>(); }

}  // namespace fastc
