#include "passes/quantize/rebuild.h"

#include <cmath>

#include "ir/multiples.h"
#include "ir/op.h"
#include "ir/quantized_names.h"
#include "ir/rewrite.h"

namespace fastc::quantize {
namespace {

class Rebuilder {
 public:
  Rebuilder(const Module& from, const Plan& plan, const std::map<ValueId, Quant>& ranges,
            const std::map<NodeId, WeightOptions>& weights)
      : from_(from), plan_(plan), ranges_(ranges), weight_options_(weights) {}

  Result<Module> run() {
    to_.name = from_.name;
    to_.symbols = from_.symbols;
    for (const ValueId id : from_.inputs) floats_[id] = to_.add_input(from_.value(id).name, from_.value(id).type);
    for (const NodeId id : from_.order()) {
      auto status = plan_.integer.contains(id) ? integer_node(id) : float_node(from_.node(id));
      if (!status) return at(from_.node(id).name, status.error());
    }
    for (const ValueId id : from_.outputs) {
      FASTC_TRY(const ValueId value, output(id));
      to_.outputs.push_back(value);
    }
    to_.erase_dead();
    return std::move(to_);
  }

 private:
  // A weight as it is.
  ValueId weight(ValueId id) {
    if (const auto found = floats_.find(id); found != floats_.end()) return found->second;
    return floats_[id] = to_.add_weight(to_.fresh_name(from_.value(id).name), from_.weight(id));
  }

  // The value as the float program computes it; dequantized when it exists as u8 only.
  Result<ValueId> as_float(ValueId id) {
    if (id == kNoId) return kNoId;
    if (from_.is_weight(id)) return weight(id);
    if (const auto found = floats_.find(id); found != floats_.end()) return found->second;
    FASTC_TRY(const NodeId node,
              to_.add_node("dequantize", to_.fresh_name(from_.value(id).name + ".dequantize"), {u8_.at(id)}));
    return floats_[id] = to_.node(node).output();
  }

  // The value as u8; quantized when it exists as float only.
  Result<ValueId> as_u8(ValueId id) {
    if (id == kNoId) return kNoId;
    if (const auto found = u8_.find(id); found != u8_.end()) return found->second;
    FASTC_TRY(const NodeId node, to_.add_node("quantize", to_.fresh_name(from_.value(id).name + ".quantize"),
                                              {floats_.at(id)}, {}, ranges_.at(id)));
    return u8_[id] = to_.node(node).output();
  }

  Status float_node(const Node& node) {
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) {
      FASTC_TRY(const ValueId value, as_float(input));
      inputs.push_back(value);
    }
    return add(node, std::move(inputs), {}, floats_);
  }

  Status integer_node(NodeId id) {
    const Node& node = from_.node(id);
    const bool u8 = plan_.quantized.contains(node.outputs[0]);
    std::vector<ValueId> inputs;
    if (is_op(node, "conv") || is_op(node, "linear")) {
      FASTC_TRY(inputs, weighted_operands(node, weight_options_.at(id)));
    } else {
      for (const ValueId input : node.inputs) {
        FASTC_TRY(const ValueId value, as_u8(input));
        inputs.push_back(value);
      }
    }
    std::optional<Quant> declared;
    if (u8 && node.op->integer == IntegerRule::kRequantizes) declared = ranges_.at(node.outputs[0]);
    return add(node, std::move(inputs), declared, u8 ? u8_ : floats_);
  }

  Status add(const Node& node, std::vector<ValueId> inputs, const std::optional<Quant>& declared,
             std::map<ValueId, ValueId>& table) {
    FASTC_TRY(const NodeId id, to_.add_node(node.op->name, node.name, std::move(inputs), node.attrs, declared));
    to_.node(id).source = node.source;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      to_.value(to_.node(id).outputs[i]).name = from_.value(node.outputs[i]).name;
      table[node.outputs[i]] = to_.node(id).outputs[i];
    }
    return {};
  }

  // x as u8, the weight as s8, the bias in units of the accumulator, the residual as u8.
  Result<std::vector<ValueId>> weighted_operands(const Node& node, const WeightOptions& options) {
    FASTC_TRY(const ValueId x, as_u8(node.inputs[0]));
    const float x_scale = to_.value(x).type.quant->scale;
    std::vector<double> bias;
    if (node.input(2) != kNoId) bias = to_doubles(from_.weight(node.input(2)).data);
    std::vector<double> least;  // so that |bias| / (sx·sw) stays below 2^30
    for (const double b : bias) least.push_back(std::fabs(b) / (static_cast<double>(x_scale) * (1 << 30)) * 1.0001);
    Weight encoded = quantize_weight(from_.weight(node.inputs[1]), options, least);
    FASTC_TRY(const Tensor channels, channel_scales(encoded.encoding));
    const auto scales = to_doubles(channels);
    const ValueId weight = to_.add_weight(to_.fresh_name(from_.value(node.inputs[1]).name), std::move(encoded));
    ValueId bias_value = kNoId;
    if (!bias.empty()) {
      for (size_t c = 0; c < bias.size(); ++c) bias[c] /= static_cast<double>(x_scale) * scales[c];
      Weight integer{from_doubles(DType::kI32, {static_cast<int64_t>(bias.size())}, bias),
                     {},
                     from_.weight(node.input(2)).trainable};
      bias_value = to_.add_weight(to_.fresh_name(from_.value(node.input(2)).name), std::move(integer));
    }
    FASTC_TRY(const ValueId residual, as_u8(node.input(3)));
    return std::vector<ValueId>{x, weight, bias_value, residual};
  }

  // An output keeps its name; the integer node that makes it gets another (ir/quantized_names.h).
  Result<ValueId> output(ValueId id) {
    const bool made = floats_.contains(id) || from_.is_weight(id);
    FASTC_TRY(const ValueId value, as_float(id));
    if (!made) take_name(value, from_.value(id).name);
    return value;
  }

  void take_name(ValueId dequantized, const std::string& name) {
    const NodeId node = to_.value(dequantized).producer;
    const NodeId before = to_.value(to_.node(node).inputs[0]).producer;
    rename_node(to_, before, to_.fresh_name(name_before_output(name, to_.value(to_.node(node).inputs[0]).type.dtype)));
    rename_node(to_, node, name);
  }

  const Module& from_;
  const Plan& plan_;
  const std::map<ValueId, Quant>& ranges_;
  const std::map<NodeId, WeightOptions>& weight_options_;
  Module to_;
  std::map<ValueId, ValueId> floats_, u8_;  // from_'s values in to_, in either form
};

}  // namespace

Result<Module> rebuild(const Module& module, const Plan& plan, const std::map<ValueId, Quant>& ranges,
                       const std::map<NodeId, WeightOptions>& weights) {
  return Rebuilder(module, plan, ranges, weights).run();
}

}  // namespace fastc::quantize
