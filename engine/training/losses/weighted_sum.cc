// L = Σ weight · loss: what a recipe lists under "losses", added up. A loss of weight 0 is not computed.
#include <fmt/format.h>

#include "engine/training/losses.h"

namespace fastc {
namespace {

using Part = std::pair<double, std::shared_ptr<const Loss>>;

class WeightedSum final : public Loss {
 public:
  explicit WeightedSum(std::vector<Part> parts) : parts_(std::move(parts)) {}
  bool needs_labels() const override { return any(&Loss::needs_labels); }
  bool needs_teacher() const override { return any(&Loss::needs_teacher); }
  std::string name() const override {
    std::string text;
    for (const auto& [weight, loss] : parts_) text += fmt::format("{}{} {}", text.empty() ? "" : " + ", weight, loss->name());
    return text;
  }
  Result<at::Tensor> operator()(const LossInput& input) const override {
    at::Tensor sum;
    for (const auto& [weight, loss] : parts_) {
      FASTC_TRY(const at::Tensor value, (*loss)(input));
      const at::Tensor part = weight == 1 ? value : value.mul(weight);
      sum = sum.defined() ? sum.add(part) : part;
    }
    return sum;
  }

 private:
  bool any(bool (Loss::*asks)() const) const {
    for (const auto& [weight, loss] : parts_)
      if ((loss.get()->*asks)()) return true;
    return false;
  }
  std::vector<Part> parts_;
};

std::shared_ptr<const Loss> loss_of(const LossOptions& o) {
  if (o.type == "cross_entropy") return cross_entropy();
  if (o.type == "binary_cross_entropy") return binary_cross_entropy();
  if (o.type == "mse") return mean_squared_error();
  if (o.type == "logits_mse") return logits_mse();
  if (o.type == "match_outputs") return match_outputs();
  return soft_kl(o.temperature);
}

}  // namespace

const OptionSet<LossOptions>& loss_options() {
  static const auto set = [] {
    OptionSet<LossOptions> options("One loss of those that are added up");
    options.choice("type", &LossOptions::type, {"soft_kl", "logits_mse", "match_outputs", "cross_entropy", "binary_cross_entropy", "mse"},
                   "against the teacher: soft_kl, logits_mse, match_outputs (every output); against the labels: cross_entropy, binary_cross_entropy, mse")
        .number("weight", &LossOptions::weight, "what it is multiplied by", at_least(0))
        .number("temperature", &LossOptions::temperature, "soft_kl: what scores are divided by before they are compared", above(0).to(1000));
    return options;
  }();
  return set;
}

std::shared_ptr<const Loss> weighted_sum(std::span<const LossOptions> list) {
  std::vector<Part> parts;
  for (const LossOptions& o : list)
    if (o.weight > 0) parts.emplace_back(o.weight, loss_of(o));
  return parts.empty() ? nullptr : std::make_shared<WeightedSum>(std::move(parts));
}

std::shared_ptr<const Loss> distillation(double alpha, double temperature) {
  const std::vector<LossOptions> both{{"soft_kl", alpha, temperature}, {"cross_entropy", 1 - alpha, temperature}};
  return weighted_sum(both);
}

}  // namespace fastc
