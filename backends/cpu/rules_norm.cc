// Norms, softmax, attention and embedding.
#include <cmath>

#include "backends/cpu/lowering.h"
#include "backends/cpu/stored.h"

namespace fastc::lowering {
namespace {

template <typename Attributes>
Status emit_plain(Lowering& l, const Node& node, rt::Kernel kernel, const Attributes& attrs) {
  std::vector<uint32_t> inputs, outputs;
  for (const ValueId id : node.inputs) {
    FASTC_TRY(const uint32_t operand, l.plain(id));
    inputs.push_back(operand);
  }
  for (const ValueId id : node.outputs) {
    FASTC_TRY(const uint32_t y, l.result(id, rt::Layout::kPlain));
    outputs.push_back(y);
  }
  l.emit(kernel, node, inputs, outputs, attrs);
  return {};
}

// A batch norm that could not be folded into its neighbour: y = x·scale + shift with
// scale = γ/√(σ²+ε), shift = β − μ·scale, in double, rounded once.
Status lower_batch_norm(Lowering& l, const Node& node) {
  std::vector<Tensor> p(4);  // γ?, β?, μ, σ²
  for (size_t i = 0; i < 4; ++i) {
    const ValueId id = node.input(i + 1);
    if (id == kNoId) continue;
    if (!l.module().is_weight(id)) return unsupported(node, "its parameters are computed by the network");
    p[i] = l.module().weight(id).data.to_contiguous();
  }
  const auto channels = static_cast<size_t>(p[2].elements());
  std::vector<float> scale(channels), shift(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double gamma = p[0].defined() ? p[0].data<float>()[c] : 1.0, beta = p[1].defined() ? p[1].data<float>()[c] : 0.0;
    const double s = gamma / std::sqrt(static_cast<double>(p[3].data<float>()[c]) + node.number("eps"));
    scale[c] = static_cast<float>(s), shift[c] = static_cast<float>(beta - p[2].data<float>()[c] * s);
  }
  const rt::Layout layout = spatial_rank(l.type(node.output()).rank()) ? rt::Layout::kChannelsLast : rt::Layout::kPlain;
  FASTC_TRY(const uint32_t x, l.use(node.input(0), layout));
  FASTC_TRY(const uint32_t y, l.result(node.output(), layout));
  const uint32_t inputs[] = {x, l.constant<float>(node.name + ".scale", scale), l.constant<float>(node.name + ".shift", shift)};
  l.emit(rt::Kernel::kBatchNorm, node, inputs, std::span(&y, 1), rt::UnaryAttrs{static_cast<uint32_t>(rt::Activation::kIdentity), 0, 0, 0, 255});
  return {};
}

Status lower_layer_norm(Lowering& l, const Node& node) {
  return emit_plain(l, node, rt::Kernel::kLayerNorm, rt::NormAttrs{static_cast<int32_t>(node.integer("axes")), static_cast<float>(node.number("eps"))});
}

Status lower_rms_norm(Lowering& l, const Node& node) {
  return emit_plain(l, node, rt::Kernel::kRmsNorm, rt::NormAttrs{1, static_cast<float>(node.number("eps"))});
}

template <uint32_t log>
Status lower_softmax(Lowering& l, const Node& node) {
  return emit_plain(l, node, rt::Kernel::kSoftmax, rt::AxisAttrs{static_cast<int32_t>(node.integer("axis")), log});
}

Status lower_attention(Lowering& l, const Node& node) {
  const Dim &heads = l.type(node.input(0)).shape[1], &kv_heads = l.type(node.input(1)).shape[1];
  if (!heads.is_constant() || !kv_heads.is_constant() || kv_heads.constant() == 0 || heads.constant() % kv_heads.constant() != 0)
    return unsupported(node, "the number of query heads is not a multiple of the number of key heads");
  const rt::AttentionAttrs attrs{node.flag("causal") ? 1u : 0u, static_cast<float>(node.number("scale")), static_cast<uint32_t>(heads.constant() / kv_heads.constant()), 0};
  return emit_plain(l, node, rt::Kernel::kAttention, attrs);
}

Status lower_embedding(Lowering& l, const Node& node) {
  if (is_stored_table(l, node)) return lower_stored_embedding(l, node);
  FASTC_TRY(const uint32_t table, l.plain(node.input(0)));
  FASTC_TRY(const uint32_t indices, l.plain(node.input(1)));
  FASTC_TRY(const uint32_t y, l.result(node.output(), rt::Layout::kPlain));
  const uint32_t inputs[] = {table, indices};
  l.emit(rt::Kernel::kEmbedding, node, inputs, std::span(&y, 1));
  return {};
}

Status lower_group_norm(Lowering& l, const Node& node) {
  return emit_plain(l, node, rt::Kernel::kGroupNorm, rt::GroupNormAttrs{static_cast<int32_t>(node.integer("groups")), static_cast<float>(node.number("eps"))});
}

}  // namespace

void add_norm_rules(Rules& rules) {
  rules["batch_norm"] = lower_batch_norm;
  rules["layer_norm"] = lower_layer_norm;
  rules["rms_norm"] = lower_rms_norm;
  rules["softmax"] = lower_softmax<0>;
  rules["log_softmax"] = lower_softmax<1>;
  rules["attention"] = lower_attention;
  rules["embedding"] = lower_embedding;
  rules["group_norm"] = lower_group_norm;
}

}  // namespace fastc::lowering
