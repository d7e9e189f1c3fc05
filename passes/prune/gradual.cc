#include "passes/prune/gradual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include <ATen/ops/empty.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "engine/training/hook.h"

namespace fastc::prune {
namespace {

struct Ramp {
  int64_t first, last;
  Ramp(const Gradual& plan, int64_t total)
      : first(std::llround(plan.begin * static_cast<double>(total - 1))), last(std::max<int64_t>(first, std::llround(plan.end * static_cast<double>(total - 1)))) {}
};

bool due(const Gradual& plan, int64_t step, int64_t total) {
  const Ramp ramp(plan, total);
  return step >= ramp.first && step <= ramp.last && ((step - ramp.first) % plan.every == 0 || step == ramp.last);
}

at::Tensor tensor_of(std::span<const uint8_t> mask, at::IntArrayRef sizes) {
  at::Tensor out = at::empty(sizes, at::TensorOptions(at::kFloat));
  std::copy(mask.begin(), mask.end(), out.mutable_data_ptr<float>());
  return out;
}

class GradualPruning final : public TrainHook {
 public:
  explicit GradualPruning(Gradual plan) : plan_(std::move(plan)) {}

  std::string name() const override {
    return fmt::format("gradual {} {}:{} {} {} {} {} {} {}", static_cast<int>(plan_.pattern.kind), plan_.pattern.n, plan_.pattern.m, plan_.movement,
                       plan_.begin, plan_.end, plan_.every, fmt::join(plan_.weights, ","), fmt::join(plan_.shares, ","));
  }

  void begin(const Weights& leaves) override {
    for (const std::string& weight : plan_.weights) {
      const at::Tensor leaf = leaves.at(weight).detach();
      masks_[weight] = at::ones_like(leaf);
      if (!plan_.movement) continue;
      scores_[weight] = at::zeros_like(leaf);
      kept_[weight] = leaf.clone();
    }
  }

  void before_update(const Weights& leaves, Position) override {
    for (const std::string& weight : plan_.weights) {
      const at::Tensor& leaf = leaves.at(weight);
      if (!leaf.grad().defined()) continue;
      const at::Tensor& mask = masks_[weight];
      if (plan_.movement) scores_[weight].sub_(leaf.grad().mul(at::where(mask.gt(0), leaf.detach(), kept_[weight])));
      leaf.grad().mul_(mask);  // what is gone does not gather momentum
    }
  }

  void after_update(const Weights& leaves, Position at) override {
    if (due(plan_, at.step, at.total)) look_again(leaves, share_of_end(plan_, at.step, at.total));
    for (const std::string& weight : plan_.weights) leaves.at(weight).detach().mul_(masks_[weight]);
  }

  Weights state() override {
    Weights all;
    for (const auto* part : {&masks_, &scores_, &kept_})
      for (const auto& [weight, tensor] : *part) all.emplace(fmt::format("{}/{}", part == &masks_ ? "mask" : part == &scores_ ? "score" : "kept", weight), tensor);
    return all;
  }

 private:
  void look_again(const Weights& leaves, double progress) {
    std::vector<Units> units;
    for (const std::string& weight : plan_.weights) {
      const at::Tensor leaf = leaves.at(weight).detach();
      const at::Tensor scores = (plan_.movement ? scores_[weight] : leaf.abs()).contiguous();
      const std::span<const float> values(scores.const_data_ptr<float>(), static_cast<size_t>(scores.numel()));
      units.push_back(units_of(plan_.pattern, leaf.sizes(), values));
    }
    std::vector<double> shares = plan_.shares;
    for (double& share : shares) share *= progress;
    const auto masks = masks_of(units, shares);
    for (size_t i = 0; i < masks.size(); ++i) apply(leaves.at(plan_.weights[i]).detach(), plan_.weights[i], masks[i]);
  }

  void apply(at::Tensor leaf, const std::string& weight, std::span<const uint8_t> mask) {
    const at::Tensor now = tensor_of(mask, leaf.sizes());
    if (plan_.movement) {
      const at::Tensor back = now.gt(0).logical_and(masks_[weight].eq(0));
      kept_[weight].copy_(at::where(masks_[weight].gt(0), leaf, kept_[weight]));
      leaf.copy_(at::where(back, kept_[weight], leaf));
    }
    masks_[weight].copy_(now);
  }

  const Gradual plan_;
  Weights masks_, scores_, kept_;
};

}  // namespace

double share_of_end(const Gradual& plan, int64_t step, int64_t total) {
  const Ramp ramp(plan, total);
  if (step < ramp.first) return 0;
  if (step >= ramp.last) return 1;
  const double left = 1 - static_cast<double>(step - ramp.first) / static_cast<double>(ramp.last - ramp.first);
  return 1 - left * left * left;
}

std::shared_ptr<TrainHook> gradual_pruning(Gradual plan) { return std::make_shared<GradualPruning>(std::move(plan)); }

}  // namespace fastc::prune
