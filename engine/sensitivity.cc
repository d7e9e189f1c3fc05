#include "engine/sensitivity.h"

#include <algorithm>
#include <map>

#include <c10/core/GradMode.h>

#include "base/interrupt.h"
#include "engine/autograd.h"
#include "ir/quantized_names.h"

namespace fastc {
namespace {

// Σ over float outputs of |y − t|² / |t|²
Result<double> error_of(const engine::Plan& plan, std::span<const at::Tensor> inputs, std::span<const at::Tensor> expected) {
  FASTC_TRY(const std::vector<at::Tensor> outputs, plan.run(inputs));
  double error = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!at::isFloatingType(outputs[i].scalar_type())) continue;
    const double size = expected[i].square().sum(at::kDouble).item<double>();
    error += outputs[i].sub(expected[i]).square().sum(at::kDouble).item<double>() / std::max(size, 1e-30);
  }
  return error;
}

// The value whose rounding a layer reads: ops that keep parameters have none of their own.
ValueId rounded_operand(const Module& module, const engine::Plan& plan, ValueId value) {
  while (!plan.roundings().contains(value)) {
    const Node* producer = module.producer(value);
    if (producer == nullptr || producer->inputs.empty()) return kNoId;
    value = producer->inputs[0];
  }
  return value;
}

// Which operands of a layer are rounded weights: one, or the matrices of a recurrent layer.
std::vector<size_t> rounded_weights(const Module& module, const Node& node) {
  std::vector<size_t> out;
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (module.is_weight(node.inputs[i]) && module.weight(node.inputs[i]).encoding.kind == Encoding::Kind::kInt) out.push_back(i);
  return out;
}

// Such a weight before it was quantized; undefined where the reference has no such layer.
at::Tensor float_weight(const Module& reference, const Module& quantized, const Node& node, size_t operand) {
  const ValueId value = reference.find_value(float_name(quantized, node));
  const Node* layer = value == kNoId ? nullptr : reference.producer(value);
  if (layer == nullptr || !reference.is_weight(layer->input(operand))) return {};
  const Tensor& weight = reference.weight(layer->inputs[operand]).data;
  return weight.dtype() == DType::kF32 && weight.shape() == quantized.weight(node.inputs[operand]).data.shape() ? wrap(weight) : at::Tensor();
}

}  // namespace

Result<std::vector<LayerSensitivity>> layer_sensitivities(const Module& quantized, const Module& reference, std::span<const Tensor> inputs) {
  const c10::AutoGradMode no_gradients(false);
  FASTC_TRY(engine::Plan plan, engine::Plan::prepare(quantized, engine::Mode::kTrainFrozen));
  FASTC_TRY(const engine::Plan exact, engine::Plan::prepare(reference, engine::Mode::kInfer));
  std::vector<at::Tensor> wrapped;
  for (const Tensor& input : inputs) wrapped.push_back(wrap(input));
  FASTC_TRY(const std::vector<at::Tensor> expected, exact.run(wrapped));
  FASTC_TRY(const double whole, error_of(plan, wrapped, expected));
  std::vector<LayerSensitivity> found;
  for (const NodeId id : quantized.order()) {
    const Node& node = quantized.node(id);
    const std::vector<size_t> weights = rounded_weights(quantized, node);
    if (weights.empty()) continue;
    if (interrupted()) return interrupted_error("measuring the sensitivity of layers");
    const auto all = plan.roundings();
    std::map<std::string, at::Tensor> rounded;
    for (const size_t i : weights) {
      const std::string& name = quantized.value(node.inputs[i]).name;
      rounded.emplace(name, plan.weight(name));
      if (const at::Tensor exact_weight = float_weight(reference, quantized, node, i); exact_weight.defined()) plan.set_weight(name, exact_weight);
      plan.roundings().erase(node.inputs[i]);
    }
    plan.roundings().erase(quantized.value(node.inputs[0]).type.quant ? rounded_operand(quantized, plan, node.inputs[0]) : kNoId);
    FASTC_TRY(const double without, error_of(plan, wrapped, expected));
    plan.roundings() = all;
    for (const auto& [name, weight] : rounded) plan.set_weight(name, weight);
    found.push_back({float_name(quantized, node), whole > 0 ? (whole - without) / whole : 0});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.gain > b.gain; });
  return found;
}

}  // namespace fastc
