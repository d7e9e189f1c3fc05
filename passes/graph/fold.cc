// graph.fold: arithmetic on constants that follow a layer goes into the layer's weights, once, in double.
//
//   before   %conv : f32[N,C,H,W] = conv(%x, @w, @b)
//            %bn = batch_norm(%conv, @gamma, @beta, @mean, @var)
//   after    %conv = conv(%x, @w', @b')
//
// with s = gamma / sqrt(var + eps), per output channel:  w' = w·s,  b' = (b − mean)·s + beta   (Jacob et al. 2018, eq.
// 14). Also: a padding with zeros in front of a convolution becomes the convolution's own, and a multiplication by a
// power of two goes into the weights (any other factor would round differently, so it stays).
//
// Legal when the layer's result has that one use, the layer has no activation or residual of its own, and the channels
// of the normalization are the layer's output channels. A weight that other layers use is copied, so they keep theirs.
// Training needs the normalization's statistics: passes that train refuse a folded program. Effect: fewer nodes and
// parameters; one pass less over every activation.
#include <cmath>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {};

const OptionSet<Options>& options() {
  static const OptionSet<Options> set(
      "Folds batch normalization, padding and exact factors into the layers before or after them");
  return set;
}

bool is_layer(const Node& node) {
  return is_op(node, "conv") || is_op(node, "conv_transpose") || is_op(node, "linear");
}

bool plain_epilogue(const Node& node) {
  if (is_op(node, "conv_transpose")) return true;
  return node.input(3) == kNoId && node.string("activation") == "none" && node.string("dynamic").empty();
}

// Dense f32 weights (and bias) of the module's own.
bool foldable_weights(const Module& m, const Node& node) {
  const auto dense = [&](ValueId id) {
    return m.is_weight(id) && m.weight(id).data.dtype() == DType::kF32 &&
           m.weight(id).encoding.kind == Encoding::Kind::kDense;
  };
  return dense(node.input(1)) && (node.input(2) == kNoId || dense(node.input(2)));
}

// Output channel of each weight element: axis 0, or axis 1 within a group for conv_transpose ([C, O/groups, …]).
int64_t output_channel(const Node& node, const std::vector<int64_t>& shape, int64_t element) {
  int64_t inner = 1;
  for (size_t i = 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t row = element / inner;
  if (!is_op(node, "conv_transpose")) return row;
  const int64_t per_group = shape[0] / node.integer("groups");
  return row / per_group * shape[1] + element % inner / (inner / shape[1]);
}

int64_t output_channels(const Node& node, const std::vector<int64_t>& shape) {
  return is_op(node, "conv_transpose") ? shape[1] * node.integer("groups") : shape[0];
}

Weight scaled(const Node& node, const Weight& weight, const std::vector<double>& scale) {
  std::vector<double> values = to_doubles(weight.data);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] *= scale[static_cast<size_t>(output_channel(node, weight.data.shape(), static_cast<int64_t>(i)))];
  Weight out = weight;  // keeps pattern and trainability
  out.data = from_doubles(DType::kF32, weight.data.shape(), values);
  return out;
}

// y = layer(x)·scale + shift, per channel.
void apply(Module& m, NodeId layer, const std::vector<double>& scale, const std::vector<double>& shift) {
  const Node& node = m.node(layer);
  std::vector<double> bias(scale.size(), 0);
  Weight bias_weight;
  if (node.input(2) != kNoId) {
    bias_weight = m.weight(node.input(2));
    bias = to_doubles(bias_weight.data);
  }
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = bias[i] * scale[i] + shift[i];
  bias_weight.data = from_doubles(DType::kF32, {static_cast<int64_t>(bias.size())}, bias);
  set_weight(m, layer, 1, scaled(node, m.weight(node.input(1)), scale));
  if (node.input(2) != kNoId) {
    set_weight(m, layer, 2, std::move(bias_weight));
  } else {
    const ValueId fresh = m.add_weight(m.fresh_name(m.node(layer).name + ".bias"), std::move(bias_weight));
    set_operand(m.node(layer), 2, fresh);
  }
}

// The layer that makes `value` for one user only and may take a factor; kNoId otherwise.
NodeId foldable_layer(const Module& m, const Uses& uses, ValueId value) {
  const Node* layer = m.producer(value);
  if (layer == nullptr || !is_layer(*layer) || uses.single_user(value) == kNoId) return kNoId;
  return plain_epilogue(*layer) && foldable_weights(m, *layer) ? m.value(value).producer : kNoId;
}

bool fold_batch_norm(Module& m, const Uses& uses, NodeId id) {
  const Node& node = m.node(id);
  if (!is_op(node, "batch_norm")) return false;
  const NodeId layer = foldable_layer(m, uses, node.inputs[0]);
  // A linear layer's channels are its last axis; batch_norm's are axis 1.
  if (layer == kNoId || (is_op(m.node(layer), "linear") && m.value(node.output()).type.rank() != 2)) return false;
  const auto channels =
      static_cast<size_t>(output_channels(m.node(layer), m.weight(m.node(layer).input(1)).data.shape()));
  const auto vector_of = [&](size_t operand, double fallback) -> std::vector<double> {
    if (node.input(operand) == kNoId) return std::vector<double>(channels, fallback);
    return m.is_weight(node.input(operand)) ? to_doubles(m.weight(node.input(operand)).data) : std::vector<double>();
  };
  const auto gamma = vector_of(1, 1), beta = vector_of(2, 0), mean = vector_of(3, 0), var = vector_of(4, 1);
  if (gamma.size() != channels || beta.size() != channels || mean.size() != channels || var.size() != channels)
    return false;
  std::vector<double> scale(channels), shift(channels);
  for (size_t c = 0; c < channels; ++c) {
    scale[c] = gamma[c] / std::sqrt(var[c] + node.number("eps"));
    shift[c] = beta[c] - mean[c] * scale[c];
    if (!std::isfinite(scale[c]) || !std::isfinite(shift[c])) return false;
  }
  const ValueId from = node.output(), to = node.inputs[0];
  apply(m, layer, scale, shift);
  m.replace_uses(from, to);
  m.erase_node(id);
  return true;
}

bool fold_factor(Module& m, const Uses& uses, NodeId id) {
  const Node& node = m.node(id);
  if (!is_op(node, "mul")) return false;
  for (size_t side = 0; side < 2; ++side) {
    const auto factor = scalar_weight(m, node.inputs[1 - side]);
    const NodeId layer = factor ? foldable_layer(m, uses, node.inputs[side]) : kNoId;
    int exponent = 0;
    if (layer == kNoId || std::fabs(std::frexp(*factor, &exponent)) != 0.5) continue;
    if (!(m.value(node.output()).type == m.value(node.inputs[side]).type)) continue;
    const auto channels =
        static_cast<size_t>(output_channels(m.node(layer), m.weight(m.node(layer).input(1)).data.shape()));
    const ValueId from = node.output(), to = node.inputs[side];
    const bool has_bias = m.node(layer).input(2) != kNoId;
    if (has_bias) {
      apply(m, layer, std::vector<double>(channels, *factor), std::vector<double>(channels, 0));
    } else {
      set_weight(m, layer, 1,
                 scaled(m.node(layer), m.weight(m.node(layer).input(1)), std::vector<double>(channels, *factor)));
    }
    m.replace_uses(from, to);
    m.erase_node(id);
    return true;
  }
  return false;
}

bool fold_padding(Module& m, NodeId id) {
  Node& conv = m.node(id);
  if (!is_op(conv, "conv")) return false;
  const Node* pad = producer_of(m, conv.inputs[0], "pad");
  if (pad == nullptr || pad->number("value") != 0 || m.value(conv.inputs[0]).type.quant) return false;
  const auto& amounts = pad->integers("padding");
  const size_t rank = amounts.size() / 2, spatial = rank - 2;
  for (size_t axis = 0; axis < rank; ++axis) {
    if (amounts[axis] < 0 || amounts[rank + axis] < 0) return false;
    if (axis < 2 && (amounts[axis] != 0 || amounts[rank + axis] != 0)) return false;
  }
  std::vector<int64_t> padding = conv.integers("padding");
  for (size_t axis = 0; axis < spatial; ++axis) {
    padding[axis] += amounts[2 + axis];
    padding[spatial + axis] += amounts[rank + 2 + axis];
  }
  conv.inputs[0] = pad->inputs[0];
  conv.attrs["padding"] = std::move(padding);
  return true;
}

Result<PassReport> run(Module& module, const Options&, PassContext&) {
  int norms = 0, factors = 0, paddings = 0;
  for (const NodeId id : std::vector<NodeId>(module.order())) {
    const Uses uses(module);
    if (fold_batch_norm(module, uses, id)) {
      ++norms;
    } else if (fold_factor(module, uses, id)) {
      ++factors;
    } else if (fold_padding(module, id)) {
      ++paddings;
    }
  }
  module.erase_dead();
  FASTC_CHECK(module.infer_types());
  PassReport report;
  report.changed = norms + factors + paddings > 0;
  report.numbers = {{"batch_norms_folded", norms}, {"factors_folded", factors}, {"paddings_folded", paddings}};
  return report;
}

FASTC_REGISTER_PASS(graph_fold, Options,
                    ({.name = "graph.fold",
                      .summary = "folds batch normalization, padding and exact factors into layers",
                      .lossy = false}),
                    options, run);

}  // namespace
}  // namespace fastc
