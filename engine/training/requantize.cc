#include "engine/training/requantize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/ops/stored.h"
#include "ir/multiples.h"
#include "ir/op.h"

namespace fastc::engine {
namespace {

class Requantizer {
 public:
  Requantizer(const Module& module, const Plan& plan, const std::map<std::string, at::Tensor>& trained) : module_(module), plan_(plan), trained_(trained) {}

  Result<Module> run() {
    for (const auto& [id, rounding] : plan_.roundings())
      if (!module_.is_weight(id)) module_.value(id).type.quant->scale = rounding.scale().item<float>();
    for (const auto& [name, tensor] : trained_) {
      const auto found = module_.weights.find(name);
      if (found == module_.weights.end()) continue;  // NAME/step
      const DType stored = found->second.data.dtype();
      if (stored != DType::kF32 && !is_half(found->second)) continue;  // integers
      FASTC_TRY(found->second.data, as_stored(tensor, stored));
    }
    for (const NodeId id : module_.order()) carry_parameters(module_.node(id));
    for (const auto& [id, rounding] : plan_.roundings()) {
      if (!module_.is_weight(id)) continue;
      FASTC_TRY(scales_[id], trained_scales(module_.weight(id).encoding, rounding));
    }
    for (const NodeId id : module_.order()) FASTC_CHECK(keep_bias_in_range(module_.node(id)));
    for (const auto& [id, scales] : scales_) FASTC_CHECK(round_weight(id, scales));
    for (const NodeId id : module_.order()) FASTC_CHECK(round_bias(module_.node(id)));
    FASTC_CHECK(module_.infer_types());
    return std::move(module_);
  }

 private:
  // Ops that keep parameters take over their operand's new ones.
  void carry_parameters(const Node& node) {
    if (node.inputs.empty() || node.op->integer != IntegerRule::kKeeps || !module_.value(node.output()).type.quant) return;
    module_.value(node.output()).type.quant = module_.value(node.inputs[0]).type.quant;
  }

  // What the plan computed with in the end, trained or not.
  Result<std::vector<double>> real(ValueId weight) const {
    FASTC_TRY(const Tensor tensor, unwrap(plan_.weight(module_.value(weight).name)));
    return to_doubles(tensor);
  }

  // The bias of an integer layer, in units of its result; empty where there is none.
  Result<std::vector<double>> bias_of(const Node& node) const {
    const bool has = module_.is_weight(node.input(1)) && module_.is_weight(node.input(2)) && scales_.contains(node.input(1)) &&
                     module_.weight(node.input(2)).data.dtype() == DType::kI32;
    return has ? real(node.input(2)) : std::vector<double>{};
  }

  double x_scale(const Node& node) const { return static_cast<double>(module_.value(node.inputs[0]).type.quant->scale); }

  // A bias must stay below 2^30 units of sx·sw (what is left is the sum's): a channel that is small beside its bias gets a coarser step.
  Status keep_bias_in_range(const Node& node) {
    FASTC_TRY(const std::vector<double> bias, bias_of(node));
    for (size_t c = 0; c < bias.size(); ++c) {
      double& scale = scales_[node.inputs[1]][c];
      scale = std::max(scale, static_cast<double>(static_cast<float>(std::fabs(bias[c]) / (x_scale(node) * (1 << 30)) * 1.0001)));
    }
    return {};
  }

  // Of each row that is rounded alike; of an integer layer's groups, the channel's, from which they follow.
  static Result<std::vector<double>> trained_scales(const Encoding& e, const FakeQuantize& rounding) {
    if (rounding.step.dim() == 1) {
      FASTC_TRY(const Tensor scales, unwrap(rounding.scale()));
      return to_doubles(scales);
    }
    FASTC_TRY(const Tensor before, channel_scales(e));
    FASTC_TRY(const Tensor logs, unwrap(rounding.log_factor));
    std::vector<double> scales = to_doubles(before);
    const std::vector<double> log_factors = to_doubles(logs);
    for (size_t c = 0; c < scales.size(); ++c) scales[c] = static_cast<double>(static_cast<float>(scales[c] * std::exp(log_factors[c])));
    return scales;
  }

  Status round_weight(ValueId id, std::vector<double> scales) {
    FASTC_TRY(std::vector<double> values, real(id));
    Weight& weight = module_.weight(id);
    Encoding& e = weight.encoding;
    if (e.group_size > 0 && scales.size() < static_cast<size_t>(e.scales.elements())) {  // one a channel
      FASTC_TRY(const Tensor before, channel_scales(e));
      std::vector<double> grouped = to_doubles(e.scales), old = to_doubles(before);
      for (size_t i = 0; i < grouped.size(); ++i) grouped[i] *= scales[i * old.size() / grouped.size()] / old[i * old.size() / grouped.size()];
      scales = std::move(grouped);
    }
    e.scales = from_doubles(DType::kF32, e.scales.shape(), scales);
    const double most = (1 << (e.bits - 1)) - 1;
    const auto channels = static_cast<size_t>(e.scales.shape()[0]), groups = scales.size() / channels, row = values.size() / channels;
    const size_t size = e.group_size > 0 ? static_cast<size_t>(e.group_size) : row;
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::clamp(std::nearbyint(values[i] / scales[i / row * groups + i % row / size]), -most, most);
    weight.data = from_doubles(weight.data.dtype(), weight.data.shape(), values);
    return {};
  }

  Status round_bias(const Node& node) {
    FASTC_TRY(std::vector<double> bias, bias_of(node));
    if (bias.empty()) return {};
    const std::vector<double>& scales = scales_[node.inputs[1]];
    for (size_t c = 0; c < bias.size(); ++c) bias[c] /= x_scale(node) * scales[c];
    Weight& weight = module_.weight(node.inputs[2]);
    weight.data = from_doubles(DType::kI32, weight.data.shape(), bias);
    return {};
  }

  Module module_;
  const Plan& plan_;
  const std::map<std::string, at::Tensor>& trained_;
  std::map<ValueId, std::vector<double>> scales_;  // new ones, by encoded weight
};

}  // namespace

Result<Tensor> as_stored(const at::Tensor& trained, DType stored) {
  return unwrap(stored == DType::kF32 ? trained : to_half(trained.detach(), scalar_type(stored)));
}

Status requantize(Module& module, const Plan& plan, const std::map<std::string, at::Tensor>& trained) {
  FASTC_TRY(Module result, Requantizer(module, plan, trained).run());
  module = std::move(result);
  return {};
}

}  // namespace fastc::engine
