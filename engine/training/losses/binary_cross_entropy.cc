// Binary cross entropy of each output on its own, for yes/no and for several labels at once:
//   L = mean(log(1 + e^y) − label · y)      (y: a score, σ(y) the probability of 1; the label is 0 or 1, or a share between)
#include <ATen/ops/binary_cross_entropy_with_logits.h>

#include "engine/training/losses/scores.h"

namespace fastc {
namespace {

class BinaryCrossEntropy final : public Loss {
 public:
  bool needs_labels() const override { return true; }
  bool needs_teacher() const override { return false; }
  std::string name() const override { return "binary_cross_entropy"; }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    FASTC_TRY(const at::Tensor labels, losses::targets(input));
    if (labels.numel() > 0 && (labels.min().item<double>() < 0 || labels.max().item<double>() > 1))
      return stage_error("expected labels from 0 to 1, found {} to {}", labels.min().item<double>(), labels.max().item<double>());
    return at::binary_cross_entropy_with_logits(input.outputs[0], labels);
  }
};

}  // namespace

std::shared_ptr<const Loss> binary_cross_entropy() { return std::make_shared<BinaryCrossEntropy>(); }

}  // namespace fastc
