#include "passes/quantize/layers.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/interrupt.h"
#include "engine/autograd.h"
#include "engine/engine.h"
#include "ir/multiples.h"
#include "ir/op.h"
#include "ir/rewrite.h"

namespace fastc::quantize {
namespace {

constexpr int64_t kChunk = 32;  // samples whose patches are in memory at a time

// One program while it is computed node by node.
class Side {
 public:
  Side(const Module& module, std::span<const Tensor> inputs) : module_(module), left_(module.value_count(), 0) {
    for (const NodeId id : module.order())
      for (const ValueId input : module.node(id).inputs)
        if (input != kNoId) ++left_[static_cast<size_t>(input)];
    for (size_t i = 0; i < inputs.size() && i < module.inputs.size(); ++i) values_[module.inputs[i]] = inputs[i];
  }

  bool done() const { return next_ == module_.order().size(); }
  NodeId next() const { return module_.order()[next_]; }
  const Tensor& value(ValueId id) const { return values_.at(id); }

  Status step() {
    const NodeId id = module_.order()[next_++];
    const Node& node = module_.node(id);
    std::vector<Tensor> operands;
    for (const ValueId input : node.inputs)
      operands.push_back(input == kNoId || module_.is_weight(input) ? Tensor() : values_.at(input));
    FASTC_TRY(std::vector<Tensor> results, evaluate_node(module_, id, operands));
    for (size_t i = 0; i < results.size(); ++i) values_[node.outputs[i]] = std::move(results[i]);
    for (const ValueId input : node.inputs)
      if (input != kNoId && !module_.is_weight(input) && --left_[static_cast<size_t>(input)] == 0) values_.erase(input);
    return {};
  }

 private:
  const Module& module_;
  std::vector<int> left_;  // uses still to come
  std::map<ValueId, Tensor> values_;
  size_t next_ = 0;
};

// The patches of a conv or linear.
struct Patches {
  bool conv = false;
  int64_t groups = 1;
  std::vector<int64_t> kernel, stride, dilation, padding;  // padding: as constant_pad_nd takes it, last axis first

  // [groups, K, positions], K counting channels and then taps
  at::Tensor operator()(const at::Tensor& x) const {
    if (!conv) return x.reshape({-1, x.size(-1)}).t().unsqueeze(0);
    at::Tensor windows = at::constant_pad_nd(x, padding);  // [N, C, positions…], and for each axis that is done its taps at the end
    for (size_t s = 0; s < kernel.size(); ++s) {
      const int64_t reach = dilation[s] * (kernel[s] - 1) + 1;
      windows = windows.unfold(static_cast<int64_t>(2 + s), reach, stride[s]).slice(-1, 0, reach, dilation[s]);
    }
    const auto spatial = static_cast<int64_t>(kernel.size());
    const at::Tensor taps = windows.flatten(2 + spatial).flatten(2, 1 + spatial);  // [N, C, positions, taps]
    const at::Tensor grouped = taps.reshape({taps.size(0), groups, -1, taps.size(2), taps.size(3)}).permute({1, 2, 4, 0, 3});
    return grouped.reshape({groups, grouped.size(1) * grouped.size(2), -1});
  }
  // What the layer makes of x: [groups, positions, O/groups]
  at::Tensor results(const at::Tensor& x, const at::Tensor& weight) const {
    if (!conv) return at::linear(x.reshape({-1, x.size(-1)}), weight).unsqueeze(0);
    const std::vector<int64_t> none(kernel.size(), 0);
    const at::Tensor y = at::convolution(at::constant_pad_nd(x, padding), weight, {}, stride, none, dilation, false, none, groups).flatten(2);
    const at::Tensor grouped = y.reshape({y.size(0), groups, -1, y.size(2)}).permute({1, 0, 3, 2});
    return grouped.reshape({groups, -1, grouped.size(3)});
  }
};

Patches patches_of(const Module& module, const Node& node) {
  Patches p;
  p.conv = is_op(node, "conv");
  if (!p.conv) return p;
  const auto& shape = module.weight(node.inputs[1]).data.shape();
  p.groups = node.integer("groups");
  p.kernel.assign(shape.begin() + 2, shape.end());
  p.stride = node.integers("stride"), p.dilation = node.integers("dilation");
  const auto& padding = node.integers("padding");
  for (size_t axis = p.kernel.size(); axis-- > 0;)
    p.padding.insert(p.padding.end(), {padding[axis], padding[p.kernel.size() + axis]});
  return p;
}

at::Tensor dequantized(const at::Tensor& q, const std::optional<Quant>& quant) {
  return quant ? q.to(at::kFloat).sub_(quant->zero_point).mul_(quant->scale) : q;
}

Result<LayerSeen> look_at(const Module& reference, const Module& quantized, LayerSeen seen, const Tensor& x,
                          const Tensor& x_quantized, int64_t most_products) {
  const c10::InferenceMode no_gradients;
  const Node &real = reference.node(seen.reference), &integer = quantized.node(seen.node);
  const Patches patches = patches_of(reference, real);
  const at::Tensor weight = wrap(reference.weight(real.inputs[1]).data), all = wrap(x), all_quantized = wrap(x_quantized);
  const auto& quant = quantized.value(integer.inputs[0]).type.quant;
  const int64_t groups = patches.groups, outputs = weight.size(0), k = weight.numel() / outputs;
  const auto sum = [&](at::IntArrayRef shape) { return at::zeros(shape, at::TensorOptions(at::kDouble)); };
  const bool multiplies = k <= most_products;
  at::Tensor products = sum({multiplies ? groups : 0, k, k}), cross = sum({multiplies ? groups : 0, k, outputs / groups});
  at::Tensor inputs = sum({groups, k}), results = sum({groups, outputs / groups});
  int64_t positions = 0;
  for (int64_t first = 0; first < all.size(0); first += kChunk) {
    if (interrupted()) return interrupted_error("looking at a layer");
    const int64_t last = std::min(first + kChunk, all.size(0));
    const at::Tensor p = patches(dequantized(all_quantized.slice(0, first, last), quant));
    const at::Tensor y = patches.results(all.slice(0, first, last), weight);
    if (multiplies) products.add_(at::bmm(p, p.transpose(1, 2))), cross.add_(at::bmm(p, y));
    inputs.add_(p.sum(2, false, at::kDouble));
    results.add_(y.sum(1, false, at::kDouble));
    seen.energy += y.square().sum(at::kDouble).item<double>();
    positions += p.size(2);
  }
  const auto mean = [&](const at::Tensor& t) { return unwrap(t.div(static_cast<double>(positions)).to(at::kFloat)); };
  if (multiplies) {
    FASTC_TRY(seen.products, mean(products));
    FASTC_TRY(seen.cross, mean(cross));
  }
  FASTC_TRY(seen.mean_input, mean(inputs));
  FASTC_TRY(seen.mean_output, mean(results.flatten()));
  seen.energy /= static_cast<double>(positions);
  return seen;
}

bool is_integer_layer(const Module& m, const Node& node) {
  return (is_op(node, "conv") || is_op(node, "linear")) && m.value(node.inputs[0]).type.quant && m.is_weight(node.input(1));
}

// The float layer of the same name; the layer that makes an output is called NAME.u8 in the quantized program.
Result<NodeId> reference_of(const Module& reference, const Module& quantized, const Node& node) {
  std::string name = node.name;
  if (reference.find_value(name) == kNoId && name.ends_with(".u8")) name.resize(name.size() - 3);
  const ValueId value = reference.find_value(name);
  const Node* found = value == kNoId ? nullptr : reference.producer(value);
  if (found == nullptr || found->op != node.op || !reference.is_weight(found->input(1)) ||
      reference.weight(found->inputs[1]).data.shape() != quantized.weight(node.inputs[1]).data.shape())
    return stage_error(
        "expected a layer \"{}\" of the same sizes in the float network, found none; name the stage that quantization "
        "started from",
        node.name);
  return reference.value(value).producer;
}

// A bias in units of the layer's result.
Status set_bias(Module& quantized, NodeId layer, std::vector<double> bias) {
  const Node& node = quantized.node(layer);
  FASTC_TRY(const Tensor channels, channel_scales(quantized.weight(node.inputs[1]).encoding));
  const auto scales = to_doubles(channels);
  const double x_scale = static_cast<double>(quantized.value(node.inputs[0]).type.quant->scale);
  constexpr double kMost = 1 << 30;  // what is left of 32 bits is the products'
  for (size_t c = 0; c < bias.size(); ++c) bias[c] = std::clamp(bias[c] / (x_scale * scales[c]), -kMost, kMost);
  Weight weight{from_doubles(DType::kI32, {static_cast<int64_t>(bias.size())}, bias), {}, true};
  if (node.input(2) != kNoId) {
    set_weight(quantized, layer, 2, std::move(weight));
  } else {
    const ValueId added = quantized.add_weight(quantized.fresh_name(node.name + ".bias"), std::move(weight));
    set_operand(quantized.node(layer), 2, added);
  }
  return {};
}

}  // namespace

Status walk_layers(const Module& reference, Module& quantized, const Dataset& data, const WalkOptions& options,
                   const VisitLayer& visit, Progress& progress) {
  std::vector<int64_t> indices(static_cast<size_t>(std::min(options.samples, data.size())));
  if (indices.empty()) return stage_error("expected calibration data, found no samples");
  std::iota(indices.begin(), indices.end(), 0);
  FASTC_TRY(const Batch batch, data.batch(indices));
  Side real(reference, batch.inputs), integer(quantized, batch.inputs);
  ProgressStage stage(progress, "layers", static_cast<int64_t>(quantized.order().size()));
  for (; !integer.done(); stage.step(1)) {
    const Node& node = quantized.node(integer.next());
    if (is_integer_layer(quantized, node)) {
      LayerSeen seen{.node = integer.next()};
      FASTC_TRY(seen.reference, reference_of(reference, quantized, node));
      while (!real.done() && real.next() != seen.reference) FASTC_CHECK(real.step());
      if (real.done()) return stage_error("{}: the float network computes its layers in another order", node.name);
      FASTC_TRY(seen, look_at(reference, quantized, seen, real.value(reference.node(seen.reference).inputs[0]),
                              integer.value(node.inputs[0]), options.most_products));
      FASTC_CHECK(visit(quantized, seen));
    }
    FASTC_CHECK(integer.step());
  }
  return {};
}

Result<double> correct_bias(const Module& reference, Module& quantized, const LayerSeen& layer) {
  FASTC_TRY(const Tensor real, decode(quantized.weight(quantized.node(layer.node).inputs[1])));
  const auto w = to_doubles(real), x = to_doubles(layer.mean_input);
  std::vector<double> change = to_doubles(layer.mean_output);
  const size_t k = w.size() / change.size(), per_group = change.size() / (x.size() / k);
  double sum = 0;
  for (size_t o = 0; o < change.size(); ++o) {
    for (size_t i = 0; i < k; ++i) change[o] -= w[o * k + i] * x[o / per_group * k + i];
    sum += std::fabs(change[o]);
  }
  const Node& real_layer = reference.node(layer.reference);
  std::vector<double> bias(change.size(), 0);
  if (real_layer.input(2) != kNoId) bias = to_doubles(reference.weight(real_layer.inputs[2]).data);
  for (size_t o = 0; o < bias.size(); ++o) bias[o] += change[o];
  FASTC_CHECK(set_bias(quantized, layer.node, std::move(bias)));
  return sum / static_cast<double>(change.size());
}

}  // namespace fastc::quantize
