#include "backends/cpu/sparse.h"

#include <algorithm>

#include "backends/cpu/pack.h"
#include "backends/cpu/stored.h"

namespace fastc::lowering {
namespace {

// The largest share of blocks at which skipping the others pays, measured (docs/methods.md): with more of them the dense kernel, which reads one
// row for several panels, is as fast.
constexpr double kMostBlocks = 0.7;

bool all(const std::vector<int64_t>& values, int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == wanted; });
}

bool is_point(const Node& node, const Tensor& weight) {
  if (node.op->name == "linear") return true;
  for (int64_t i = 2; i < weight.rank(); ++i)
    if (weight.shape()[i] != 1) return false;
  return node.integer("groups") == 1 && all(node.integers("stride"), 1) && all(node.integers("padding"), 0);
}

template <typename Attributes>
Status emit(Lowering& l, const Node& node, rt::Kernel kernel, rt::Layout layout, const Attributes& attributes, const Depth& depth = {}) {
  const std::string& name = l.module().value(node.input(1)).name;
  const Blocks blocks = pack_blocks(l.module().weight(node.input(1)).data);
  const int64_t shape[] = {static_cast<int64_t>(blocks.inputs.size()), kPanel};
  FASTC_TRY(const uint32_t x, l.use(node.input(0), layout));
  FASTC_TRY(const uint32_t bias, l.plain(node.input(2)));
  FASTC_TRY(const uint32_t residual, l.use(node.input(3), layout));
  FASTC_TRY(const uint32_t y, l.result(node.output(), layout));
  const uint32_t values = l.builder().add_constant(name, rt::DType::kF32, shape, rt::Packing::kPlain, std::as_bytes(std::span(blocks.values)));
  const uint32_t inputs[] = {x, values, l.constant<int32_t>(name + ".inputs", blocks.inputs), l.constant<int32_t>(name + ".starts", blocks.starts), bias, residual};
  emit_spatial(l, kernel, node, inputs, y, attributes, depth);
  return {};
}

}  // namespace

bool is_sparse(const Lowering& l, const Node& node) {
  if (!l.module().is_weight(node.input(1)) || l.type(node.input(0)).quant || !node.string("dynamic").empty()) return false;
  const Weight& weight = l.module().weight(node.input(1));
  const Encoding& e = weight.encoding;
  if (e.kind != Encoding::Kind::kDense || weight.data.dtype() != DType::kF32 || e.sparsity != Encoding::Sparsity::kBlock || e.n % kPanel != 0) return false;
  if (!is_point(node, weight.data) || weight.data.elements() == 0) return false;
  const auto panels = (weight.data.shape()[0] + kPanel - 1) / kPanel;
  return static_cast<double>(pack_blocks(weight.data).inputs.size()) <= kMostBlocks * static_cast<double>(panels * weight.data.shape()[1]);
}

Status lower_sparse_conv(Lowering& l, const Node& node) {
  FASTC_TRY(const ConvGeometry g, float_conv_geometry(l, node));
  return emit(l, node, rt::Kernel::kConvSparse, rt::Layout::kChannelsLast, g.window, g.depth);
}

Status lower_sparse_linear(Lowering& l, const Node& node) {
  FASTC_TRY(const rt::LinearAttrs attributes, float_linear_attributes(l, node));
  return emit(l, node, rt::Kernel::kLinearSparse, rt::Layout::kPlain, attributes);
}

}  // namespace fastc::lowering
