#include "engine/training/losses.h"

#include <fmt/format.h>

#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mse_loss.h>

namespace fastc {
namespace {

// [N,…,classes] → [rows, classes]
Result<at::Tensor> scores(const at::Tensor& output) {
  if (output.dim() < 2 || !at::isFloatingType(output.scalar_type()))
    return stage_error("the loss needs class scores with two axes or more as output 0, found one with {}", output.dim());
  return output.reshape({-1, output.size(-1)});
}

Result<at::Tensor> hard_loss(const LossInput& input) {
  FASTC_TRY(const at::Tensor logits, scores(input.outputs[0]));
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

class CrossEntropy final : public Loss {
 public:
  bool needs_labels() const override { return true; }
  bool needs_teacher() const override { return false; }
  std::string name() const override { return "cross_entropy"; }
  Result<at::Tensor> operator()(const LossInput& input) const override { return hard_loss(input); }
};

class Distillation final : public Loss {
 public:
  Distillation(double alpha, double temperature) : alpha_(alpha), temperature_(temperature) {}
  bool needs_labels() const override { return alpha_ < 1; }
  bool needs_teacher() const override { return alpha_ > 0; }
  std::string name() const override { return fmt::format("distillation({}, {})", alpha_, temperature_); }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    if (alpha_ == 0) return hard_loss(input);
    FASTC_TRY(const at::Tensor student, scores(input.outputs[0]));
    FASTC_TRY(const at::Tensor teacher, scores(input.teacher[0]));
    if (student.sizes() != teacher.sizes())
      return stage_error("expected teacher and student scores of one shape, found {} and {} classes", teacher.size(1), student.size(1));
    // The gradient of the softened loss shrinks with 1/T²; multiplying by T² keeps its share when T changes (Hinton et al., section 2).
    const at::Tensor soft = at::kl_div(at::log_softmax(student.div(temperature_), 1), at::log_softmax(teacher.div(temperature_), 1),
                                       at::Reduction::Sum, /*log_target=*/true)
                                .mul(temperature_ * temperature_ / static_cast<double>(student.size(0)));
    if (alpha_ == 1) return soft;
    FASTC_TRY(const at::Tensor hard, hard_loss(input));
    return soft.mul(alpha_).add(hard, 1 - alpha_);
  }

 private:
  double alpha_, temperature_;
};

class MatchOutputs final : public Loss {
 public:
  bool needs_labels() const override { return false; }
  bool needs_teacher() const override { return true; }
  std::string name() const override { return "match_outputs"; }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    at::Tensor sum;
    for (size_t i = 0; i < input.outputs.size(); ++i) {
      const at::Tensor &y = input.outputs[i], &t = input.teacher[i];
      if (!at::isFloatingType(y.scalar_type())) continue;
      if (y.sizes() != t.sizes()) return stage_error("output {} has another shape than the teacher's", i);
      // Outputs of different magnitude count alike; the small term keeps an all-zero output from dividing by zero.
      const at::Tensor relative = at::mse_loss(y, t).div(t.square().mean().add(1e-12));
      sum = sum.defined() ? sum.add(relative) : relative;
    }
    if (!sum.defined()) return stage_error("the network has no float output that training could match");
    return sum;
  }
};

}  // namespace

std::shared_ptr<const Loss> cross_entropy() { return std::make_shared<CrossEntropy>(); }
std::shared_ptr<const Loss> distillation(double alpha, double temperature) { return std::make_shared<Distillation>(alpha, temperature); }
std::shared_ptr<const Loss> match_outputs() { return std::make_shared<MatchOutputs>(); }

}  // namespace fastc
