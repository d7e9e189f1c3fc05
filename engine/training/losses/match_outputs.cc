// The mean squared difference of every float output from the teacher's (of several, from their mean), relative to the mean square of that: outputs of
// different magnitude count alike.
#include <ATen/ops/mse_loss.h>

#include "engine/training/losses/scores.h"

namespace fastc {
namespace {

class MatchOutputs final : public Loss {
 public:
  bool needs_labels() const override { return false; }
  bool needs_teacher() const override { return true; }
  std::string name() const override { return "match_outputs"; }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    at::Tensor sum;
    for (size_t i = 0; i < input.outputs.size(); ++i) {
      const at::Tensor& y = input.outputs[i];
      if (!at::isFloatingType(y.scalar_type())) continue;
      FASTC_TRY(const at::Tensor t, losses::mean_of_teachers(input, i));
      // The small term keeps an all-zero output from dividing by zero.
      const at::Tensor relative = at::mse_loss(y, t).div(t.square().mean().add(1e-12));
      sum = sum.defined() ? sum.add(relative) : relative;
    }
    if (!sum.defined()) return stage_error("the network has no float output that training could match");
    return sum;
  }
};

}  // namespace

std::shared_ptr<const Loss> match_outputs() { return std::make_shared<MatchOutputs>(); }

}  // namespace fastc
