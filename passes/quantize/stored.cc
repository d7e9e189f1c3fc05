#include "passes/quantize/stored.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/op.h"
#include "ir/recurrent.h"
#include "ir/rewrite.h"

namespace fastc::quantize {
namespace {

// Which operand of the node its weight is, or −1 where the op reads f32 only.
int weight_operand(const Node& node) { return is_op(node, "conv") || is_op(node, "linear") ? 1 : is_op(node, "embedding") ? 0 : -1; }

bool float_weight(const Module& module, ValueId id) {
  if (!module.is_weight(id)) return false;
  const Weight& weight = module.weight(id);
  return weight.data.dtype() == DType::kF32 && weight.encoding.kind == Encoding::Kind::kDense && weight.data.elements() > 0;
}

// "" when every user of the node's weight can read it in fewer bits.
std::string refusal(const Module& module, const Node& node, ValueId weight, std::span<const NodeId> users) {
  if (is_op(node, "conv") && node.integer("groups") > 1 && module.weight(weight).data.shape()[1] == 1)
    return "a depthwise convolution has few weights, and its kernel reads f32";
  for (const NodeId id : users) {
    const Node& user = module.node(id);
    const int operand = weight_operand(user);
    if (operand < 0 || user.input(static_cast<size_t>(operand)) != weight) return fmt::format("{} ({}) reads its weight too, as f32", user.name, user.op->name);
    if (operand == 1 && module.value(user.inputs[0]).type.dtype != DType::kF32) return fmt::format("{} is not computed in f32", user.name);
  }
  return "";
}

}  // namespace

Result<StoredWeights> weights_to_store(const Module& module, const std::vector<std::string>& include, const std::vector<std::string>& exclude) {
  std::vector<NodeId> candidates;
  for (const NodeId id : module.order()) {
    const int operand = weight_operand(module.node(id));
    if (operand >= 0 && float_weight(module, module.node(id).input(static_cast<size_t>(operand)))) candidates.push_back(id);
  }
  FASTC_TRY(const auto chosen, select_nodes(module, candidates, include, exclude, "a conv, linear or embedding node with f32 weights"));
  const auto users = module.uses();
  StoredWeights out;
  for (const NodeId id : chosen) {
    const Node& node = module.node(id);
    const ValueId weight = node.inputs[static_cast<size_t>(weight_operand(node))];
    if (std::find(out.weights.begin(), out.weights.end(), weight) != out.weights.end()) continue;
    if (const std::string why = refusal(module, node, weight, users[static_cast<size_t>(weight)]); !why.empty()) {
      out.notes.push_back(fmt::format("{} stays as it is: {}", node.name, why));
      continue;
    }
    const Tensor data = module.weight(weight).data.to_contiguous();
    const auto values = data.values<float>();
    if (!std::all_of(values.begin(), values.end(), [](float w) { return std::isfinite(w); }))
      return stage_error("{}: expected finite weights, found NaN or infinity", module.value(weight).name);
    out.weights.push_back(weight);
  }
  for (const NodeId id : module.order())
    if (is_recurrent(module.node(id))) out.notes.push_back(fmt::format("{} stays as it is: recurrent cells read f32 weights", module.node(id).name));
  return out;
}

void replace_weight(Module& module, ValueId id, Weight weight) {
  module.value(id).type = type_of(weight);
  module.weight(id) = std::move(weight);
}

}  // namespace fastc::quantize
