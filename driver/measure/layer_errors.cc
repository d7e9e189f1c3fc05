#include "driver/measure/layer_errors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "engine/engine.h"
#include "ir/op.h"
#include "ir/quantized_names.h"

namespace fastc {
namespace {

using Outputs = std::map<std::string, std::vector<float>, std::less<>>;  // by node

// The real numbers of a node's first output; empty for anything but numbers a layer computes.
std::vector<float> real_values(const Module& module, const Node& node, const Tensor& output) {
  const Type& type = module.value(node.output()).type;
  if (!output.defined() || (type.dtype != DType::kF32 && !type.quant)) return {};
  const std::vector<double> stored = to_doubles(output);
  std::vector<float> values(stored.size());
  const double scale = type.quant ? type.quant->scale : 1, zero = type.quant ? type.quant->zero_point : 0;
  std::transform(stored.begin(), stored.end(), values.begin(), [&](double q) { return static_cast<float>(scale * (q - zero)); });
  return values;
}

struct Sums {
  double error = 0, signal = 0;
  int64_t samples = 0;
};

Status add_sample(const Module& module, const Evaluator& evaluator, std::span<const Tensor> sample, const Outputs& expected, std::map<NodeId, Sums>& sums) {
  const auto visit = [&](NodeId id, std::span<const Tensor>, std::span<const Tensor> results) -> Status {
    const Node& node = module.node(id);
    if (node.op->name == "dequantize") return {};  // has the name of the layer before it where that makes an output
    const auto reference = expected.find(float_name(module, node));
    if (reference == expected.end()) return {};
    const std::vector<float> values = real_values(module, node, results[0]);
    if (values.empty() || values.size() != reference->second.size()) return {};
    Sums& s = sums[id];
    ++s.samples;
    for (size_t i = 0; i < values.size(); ++i) {
      const double e = double(values[i]) - reference->second[i], v = reference->second[i];
      s.error += e * e, s.signal += v * v;
    }
    return {};
  };
  FASTC_CHECK(evaluator.run(sample, visit));
  return {};
}

// Ops that move or select numbers only repeat the error of the layer before.
bool computes(const Node& node) { return node.op->trainable || node.op->name == "add" || node.op->name == "matmul" || node.op->name == "attention"; }

Result<Outputs> reference_outputs(const Module& module, const Evaluator& evaluator, std::span<const Tensor> sample) {
  Outputs outputs;
  const auto visit = [&](NodeId id, std::span<const Tensor>, std::span<const Tensor> results) -> Status {
    const Node& node = module.node(id);
    if (computes(node)) outputs[node.name] = real_values(module, node, results[0]);
    return {};
  };
  FASTC_CHECK(evaluator.run(sample, visit));
  return outputs;
}

}  // namespace

Result<std::vector<LayerError>> layer_errors(const Module& original, const Module& result, std::span<const Tensor> inputs) {
  FASTC_TRY(const Evaluator reference, Evaluator::prepare(original));
  FASTC_TRY(const Evaluator compressed, Evaluator::prepare(result));
  std::map<NodeId, Sums> sums;
  const int64_t batch = inputs.empty() || inputs[0].rank() == 0 ? 0 : inputs[0].shape()[0];
  for (int64_t i = 0; i < std::min(batch, kLayerErrorSamples); ++i) {
    std::vector<Tensor> sample;
    for (const Tensor& input : inputs) sample.push_back(select(input, 0, std::array{i}));
    FASTC_TRY(const Outputs expected, reference_outputs(original, reference, sample));
    FASTC_CHECK(add_sample(result, compressed, sample, expected, sums));
  }
  std::vector<LayerError> rows;
  for (const NodeId id : result.order()) {
    const auto found = sums.find(id);
    if (found == sums.end()) continue;
    const Sums& s = found->second;
    rows.push_back({float_name(result, result.node(id)), std::string(result.node(id).op->name), std::sqrt(s.error / std::max(s.signal, 1e-30))});
  }
  return rows;
}

}  // namespace fastc
