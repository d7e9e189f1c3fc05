// graph.fuse: what follows a layer elementwise becomes the layer's epilogue.
//
//   before   %conv = conv(%x, @w)                     after   %conv = conv(%x, @w, @b, %shortcut) {activation="relu"}
//            %biased = add(%conv, @b)
//            %sum = add(%biased, %shortcut)
//            %relu = relu(%sum)
//
// In this order, as the epilogue computes it: bias, residual, activation (conv, linear and add take one). The layer
// moves down to where its residual is known, which is always possible: nobody else uses its result.
//
// Legal when the layer's result has that one use, and the epilogue is still empty from there on. A residual has exactly
// the type of the result; broadcasting additions stay. Of two layers that meet in an addition, the later one takes it.
// Effect: the sum and the activation happen while the numbers are in registers; in quantized programs the sum is not
// rounded to 8 bits on its way into the addition.
#include <array>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {};

const OptionSet<Options>& options() {
  static const OptionSet<Options> set("Fuses bias, residual addition and activation into the layers before them");
  return set;
}

constexpr std::array kActivations = {"relu", "clip", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "hard_swish"};

bool is_layer(const Node& node) { return is_op(node, "conv") || is_op(node, "linear"); }

// A conv or linear in floats whose result only `user` sees and that has no activation yet.
NodeId open_layer(const Module& m, const Uses& uses, ValueId value, NodeId user) {
  const Node* layer = m.producer(value);
  if (layer == nullptr || !is_layer(*layer) || uses.single_user(value) != user) return kNoId;
  if (layer->string("activation") != "none" || !layer->string("dynamic").empty() || m.value(value).type.quant)
    return kNoId;
  return m.value(value).producer;
}

void take_over(Module& m, NodeId from, NodeId by) {
  const ValueId old = m.node(from).output();
  m.replace_uses(old, m.node(by).output());
  m.erase_node(from);
}

// [O] beside linear, [O,1,1] or [1,O,1,1] beside conv: one number per output channel.
bool is_channel_vector(const Module& m, ValueId id, const Node& layer) {
  if (!m.is_weight(id) || m.weight(id).encoding.kind != Encoding::Kind::kDense) return false;
  const auto& shape = m.weight(id).data.shape();
  const int64_t channels = m.weight(layer.input(1)).data.shape()[0];
  const int64_t rank = m.value(layer.output()).type.rank();
  const int64_t axis = is_op(layer, "linear") ? rank - 1 : 1;
  const auto given = static_cast<int64_t>(shape.size());
  if (given > rank || given < rank - axis) return false;  // must reach the channel axis from the right
  for (int64_t i = 0; i < given; ++i)
    if (shape[static_cast<size_t>(i)] != (i + rank - given == axis ? channels : 1)) return false;
  return true;
}

bool fuse_bias(Module& m, const Uses& uses, NodeId id) {
  const Node& add = m.node(id);
  for (size_t side = 0; side < 2; ++side) {
    const NodeId layer = open_layer(m, uses, add.inputs[side], id);
    if (layer == kNoId || m.node(layer).input(2) != kNoId || m.node(layer).input(3) != kNoId) continue;
    const ValueId vector = add.inputs[1 - side];
    if (!m.is_weight(m.node(layer).input(1)) || !is_channel_vector(m, vector, m.node(layer))) continue;
    if (add.string("activation") != "none") continue;
    Weight bias = m.weight(vector);
    bias.data = bias.data.reshaped({bias.data.elements()});
    const ValueId value = m.add_weight(m.fresh_name(m.node(layer).name + ".bias"), std::move(bias));
    set_operand(m.node(layer), 2, value);
    take_over(m, id, layer);
    return true;
  }
  return false;
}

// The layer again, as `name`, in the place of the addition.
Result<NodeId> moved(Module& m, NodeId layer, NodeId add, ValueId residual) {
  const Node old = m.node(layer);
  rename_node(m, layer, m.fresh_name(old.name + ".moved"));
  auto inputs = old.inputs;
  inputs.resize(4, kNoId);
  inputs[3] = residual;
  Attrs attrs = old.attrs;
  for (const char* name : {"activation", "lo", "hi"}) attrs[name] = m.node(add).attrs[name];
  FASTC_TRY(const NodeId fresh, m.add_node(old.op->name, old.name, std::move(inputs), std::move(attrs), {}, add));
  m.node(fresh).source = old.source;
  take_over(m, add, fresh);
  m.erase_node(layer);
  return fresh;
}

Result<bool> fuse_residual(Module& m, const Uses& uses, NodeId id) {
  const Node& add = m.node(id);
  const auto place = positions(m);
  NodeId best = kNoId;
  size_t best_side = 0;
  for (size_t side = 0; side < 2; ++side) {
    const NodeId layer = open_layer(m, uses, add.inputs[side], id);
    if (layer == kNoId || m.node(layer).input(3) != kNoId || m.is_weight(add.inputs[1 - side])) continue;
    if (!(m.value(add.inputs[0]).type == m.value(add.inputs[1]).type)) continue;
    if (best != kNoId && place[static_cast<size_t>(layer)] < place[static_cast<size_t>(best)]) continue;
    best = layer;
    best_side = side;
  }
  if (best == kNoId) return false;
  FASTC_CHECK(moved(m, best, id, add.inputs[1 - best_side]));
  return true;
}

bool fuse_activation(Module& m, const Uses& uses, NodeId id) {
  const Node& node = m.node(id);
  bool known = false;
  for (const char* name : kActivations) known |= is_op(node, name);
  if (!known) return false;
  const Node* before = m.producer(node.inputs[0]);
  if (before == nullptr || !(is_layer(*before) || is_op(*before, "add")) || uses.single_user(node.inputs[0]) != id)
    return false;
  if (before->string("activation") != "none" || m.value(node.inputs[0]).type.quant) return false;
  if (is_op(*before, "add") && m.value(before->output()).type.dtype != DType::kF32) return false;
  Node& layer = m.node(m.value(node.inputs[0]).producer);
  layer.attrs["activation"] = std::string(node.op->name);
  if (is_op(node, "clip")) {
    layer.attrs["lo"] = node.number("lo");
    layer.attrs["hi"] = node.number("hi");
  }
  take_over(m, id, m.value(layer.output()).producer);
  return true;
}

Result<PassReport> run(Module& module, const Options&, PassContext&) {
  int biases = 0, residuals = 0, activations = 0;
  for (const NodeId id : std::vector<NodeId>(module.order())) {
    const Node& node = module.node(id);
    if (node.op == nullptr) continue;  // went into an earlier layer
    const Uses uses(module);
    if (is_op(node, "add")) {
      if (fuse_bias(module, uses, id)) {
        ++biases;
      } else {
        FASTC_TRY(const bool fused, fuse_residual(module, uses, id));
        residuals += fused;
      }
    } else {
      activations += fuse_activation(module, uses, id);
    }
  }
  module.erase_dead();
  FASTC_CHECK(module.infer_types());
  PassReport report;
  report.changed = biases + residuals + activations > 0;
  report.numbers = {{"biases_fused", biases}, {"residuals_fused", residuals}, {"activations_fused", activations}};
  return report;
}

FASTC_REGISTER_PASS(
    graph_fuse, Options,
    ({.name = "graph.fuse", .summary = "fuses bias, residual and activation into layers", .lossy = false}), options,
    run);

}  // namespace
}  // namespace fastc
