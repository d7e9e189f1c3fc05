#include "passes/distill/initialize.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/random.h"
#include "ir/op.h"
#include "ir/recurrent.h"

namespace fastc {
namespace {

// A normal distribution around `mean`; deviation 0: the same number everywhere.
struct Start {
  double mean = 0, deviation = 0;
};

Start normal(double gain, int64_t inputs) { return {0, std::sqrt(gain / static_cast<double>(std::max<int64_t>(1, inputs)))}; }

int64_t product(const std::vector<int64_t>& sizes, size_t from) {
  int64_t all = 1;
  for (size_t i = from; i < sizes.size(); ++i) all *= sizes[i];
  return all;
}

// Operands as ir/ops declares them: batch_norm (x, weight, bias, mean, var), layer_norm (x, weight, bias), the rest (x, weight, bias).
std::optional<Start> start_of(const Node& node, size_t operand, const std::vector<int64_t>& shape) {
  const std::string_view op = node.op->name;
  if (op == "batch_norm" || op == "layer_norm" || op == "rms_norm") return Start{operand == 1 || operand == 4 ? 1.0 : 0.0, 0};
  if ((op == "conv" || op == "linear") && operand == 1) return normal(2, product(shape, 1));
  if (op == "conv_transpose" && operand == 1) return normal(2, shape[0] * product(shape, 2) / node.integer("groups"));
  if ((op == "conv" || op == "linear" || op == "conv_transpose") && operand == 2) return Start{};
  if (op == "matmul" && shape.size() >= 2) return normal(2, operand == 1 ? shape[shape.size() - 2] : shape.back());
  if (is_recurrent(node)) return shape.size() < 2 ? Start{} : normal(1, shape.back());
  if (op == "embedding" && operand == 0) return normal(1, shape.back());
  if (op == "add") return Start{0, 0.02};
  return std::nullopt;
}

Tensor drawn(const std::vector<int64_t>& shape, const Start& start, uint64_t seed) {
  Tensor out = Tensor::zeros(DType::kF32, shape);
  Random random(seed);
  for (float& v : out.mutable_values<float>()) v = static_cast<float>(start.deviation == 0 ? start.mean : start.mean + start.deviation * random.normal());
  return out;
}

}  // namespace

void initialize_randomly(Module& module, uint64_t seed) {
  std::set<std::string> done;  // of a shared weight the first use decides
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!module.is_weight(node.input(i))) continue;
      const std::string& name = module.value(node.input(i)).name;
      Weight& weight = module.weight(node.input(i));
      const bool statistics = node.op->name == "batch_norm";
      if (weight.data.dtype() != DType::kF32 || (!weight.trainable && !statistics) || !done.insert(name).second) continue;
      if (const auto start = start_of(node, i, weight.data.shape())) weight.data = drawn(weight.data.shape(), *start, seed_for(seed, name));
    }
  }
}

}  // namespace fastc
