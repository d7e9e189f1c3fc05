// Cross entropy: L = −mean log softmax(y)[label].
#include <ATen/ops/cross_entropy_loss.h>

#include "engine/training/losses/scores.h"

namespace fastc {
namespace {

class CrossEntropy final : public Loss {
 public:
  bool needs_labels() const override { return true; }
  bool needs_teacher() const override { return false; }
  std::string name() const override { return "cross_entropy"; }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    FASTC_TRY(const at::Tensor logits, losses::scores(input.outputs[0]));
    if (!input.labels.defined()) return stage_error("the loss needs labels, and the training data has none");
    const at::Tensor labels = input.labels.reshape({-1});
    if (labels.scalar_type() != at::kLong || labels.size(0) != logits.size(0))
      return stage_error("expected one i64 label for each of {} score rows, found {}", logits.size(0), labels.size(0));
    if (labels.numel() > 0) {
      const int64_t least = labels.min().item<int64_t>(), most = labels.max().item<int64_t>();
      if (least < 0 || most >= logits.size(1))
        return stage_error("expected labels in 0..{} (the network has {} classes), found {}", logits.size(1) - 1, logits.size(1), least < 0 ? least : most);
    }
    return at::cross_entropy_loss(logits, labels);
  }
};

}  // namespace

std::shared_ptr<const Loss> cross_entropy() { return std::make_shared<CrossEntropy>(); }

}  // namespace fastc
