#include "backends/cpu/stored.h"

#include "backends/cpu/pack.h"

namespace fastc::lowering {
namespace {

struct Stored {
  std::vector<uint32_t> operands;  // weight, scales (or absent)
  int32_t group = 0;
};

Status check_group(const Node& node, const Encoding& e) {
  if (e.kind != Encoding::Kind::kInt || (e.axis == 0 && e.group_size % 2 == 0)) return {};
  return unsupported(node, "scales of its integer weight do not lie along axis 0 in groups of an even number of inputs");
}

Result<Stored> stored_weight(Lowering& l, const Node& node, int64_t groups) {
  const ValueId id = node.input(1);
  const Weight& weight = l.module().weight(id);
  const std::string& name = l.module().value(id).name;
  const auto& shape = weight.data.shape();
  FASTC_CHECK(check_group(node, weight.encoding));
  if (groups > 1 && shape[1] == 1 && groups == shape[0]) return unsupported(node, "a depthwise weight is kept in f32 or quantized with its activations");
  const bool integer = weight.encoding.kind == Encoding::Kind::kInt, nibbles = integer && weight.encoding.bits == 4;
  std::vector<int64_t> stated = shape;
  if (node.op->name == "conv" && stated.size() == 3) stated.insert(stated.begin() + 2, 1);
  Stored out;
  const auto packed = pack_stored(weight.data, groups, nibbles);
  const auto packing = nibbles ? rt::Packing::kNibbles16 : rt::Packing::kPanel16;
  const auto dtype = static_cast<rt::DType>(weight.data.dtype());
  const int64_t inputs = shape[0] == 0 ? 0 : weight.data.elements() / shape[0];
  out.operands.push_back(l.builder().add_constant(name, dtype, stated, packing, packed, shortest_code(weight.encoding, packing, dtype, inputs, packed)));
  out.operands.push_back(integer ? l.constant<float>(name + ".scale", pack_scales(weight.encoding.scales, groups)) : rt::kNone);
  out.group = static_cast<int32_t>(weight.encoding.group_size);
  return out;
}

template <typename Attributes, typename Product>
Status emit(Lowering& l, const Node& node, rt::Kernel kernel, rt::Layout layout, int64_t groups, const Product& product, const Depth& depth = {}) {
  FASTC_TRY(const Stored stored, stored_weight(l, node, groups));
  FASTC_TRY(const uint32_t x, l.use(node.input(0), layout));
  FASTC_TRY(const uint32_t bias, l.plain(node.input(2)));
  FASTC_TRY(const uint32_t residual, l.use(node.input(3), layout));
  FASTC_TRY(const uint32_t y, l.result(node.output(), layout));
  const uint32_t inputs[] = {x, stored.operands[0], stored.operands[1], bias, residual};
  emit_spatial(l, kernel, node, inputs, y, Attributes{product, stored.group}, depth);
  return {};
}

}  // namespace

bool is_stored(const Lowering& l, const Node& node) {
  if (!l.module().is_weight(node.input(1)) || l.type(node.input(0)).quant || !node.string("dynamic").empty()) return false;
  const Weight& weight = l.module().weight(node.input(1));
  return weight.encoding.kind == Encoding::Kind::kInt || weight.data.dtype() == DType::kF16 || weight.data.dtype() == DType::kBF16;
}

bool is_stored_table(const Lowering& l, const Node& node) {
  return l.module().is_weight(node.input(0)) && l.module().weight(node.input(0)).encoding.kind == Encoding::Kind::kInt;
}

Status lower_stored_conv(Lowering& l, const Node& node) {
  FASTC_TRY(const ConvGeometry g, float_conv_geometry(l, node));
  return emit<rt::ConvStoredAttrs>(l, node, rt::Kernel::kConvStored, rt::Layout::kChannelsLast, node.integer("groups"), g.window, g.depth);
}

Status lower_stored_linear(Lowering& l, const Node& node) {
  FASTC_TRY(const rt::LinearAttrs product, float_linear_attributes(l, node));
  return emit<rt::LinearStoredAttrs>(l, node, rt::Kernel::kLinearStored, rt::Layout::kPlain, 1, product);
}

Status lower_stored_embedding(Lowering& l, const Node& node) {
  const Weight& table = l.module().weight(node.input(0));
  const std::string& name = l.module().value(node.input(0)).name;
  FASTC_CHECK(check_group(node, table.encoding));
  const Tensor rows = table.data.to_contiguous(), scales = table.encoding.scales.to_contiguous();
  const bool nibbles = table.encoding.bits == 4;
  const std::vector<uint8_t> packed = nibbles ? pack_nibble_rows(rows) : std::vector<uint8_t>();
  const auto bytes = nibbles ? std::as_bytes(std::span(packed)) : std::span(static_cast<const std::byte*>(rows.raw()), rows.bytes());
  const uint32_t stored = l.builder().add_constant(name, rt::DType::kS8, rows.shape(), nibbles ? rt::Packing::kNibbles : rt::Packing::kPlain, bytes);
  FASTC_TRY(const uint32_t indices, l.plain(node.input(1)));
  FASTC_TRY(const uint32_t y, l.result(node.output(), rt::Layout::kPlain));
  const uint32_t inputs[] = {stored, l.constant<float>(name + ".row_scale", scales.values<float>()), indices};
  l.emit(rt::Kernel::kEmbeddingStored, node, inputs, std::span(&y, 1), rt::StoredAttrs{static_cast<int32_t>(table.encoding.group_size), 0});
  return {};
}

}  // namespace fastc::lowering
