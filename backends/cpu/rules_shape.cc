// Data movement. slice, pad and concat work in either layout; the rest speaks of the logical order and wants it stored so.
#include <algorithm>
#include <cmath>

#include "backends/cpu/lowering.h"

namespace fastc::lowering {
namespace {

Status emit_plain(Lowering& l, const Node& node, rt::Kernel kernel, std::span<const std::byte> attributes) {
  std::vector<uint32_t> inputs;
  for (const ValueId id : node.inputs) {
    FASTC_TRY(const uint32_t operand, l.plain(id));
    inputs.push_back(operand);
  }
  std::vector<uint32_t> outputs;
  for (const ValueId id : node.outputs) {
    FASTC_TRY(const uint32_t y, l.result(id, rt::Layout::kPlain));
    outputs.push_back(y);
  }
  l.builder().add_op(kernel, node.name, inputs, outputs, attributes);
  return {};
}

template <typename Attributes>
std::span<const std::byte> bytes_of(const Attributes& attrs) { return std::as_bytes(std::span(&attrs, 1)); }

Status lower_reshape(Lowering& l, const Node& node) { return emit_plain(l, node, rt::Kernel::kReshape, {}); }
Status lower_expand(Lowering& l, const Node& node) { return emit_plain(l, node, rt::Kernel::kExpand, {}); }

Status lower_permute(Lowering& l, const Node& node) {
  rt::PermuteAttrs attrs{};
  const auto& perm = node.integers("perm");
  for (size_t i = 0; i < perm.size(); ++i) attrs.perm[i] = static_cast<int32_t>(perm[i]);
  return emit_plain(l, node, rt::Kernel::kTranspose, bytes_of(attrs));
}

// The layout the (single) input already has.
template <typename Attributes>
Status emit_in_place_layout(Lowering& l, const Node& node, rt::Kernel kernel, rt::Layout layout, const Attributes& attrs) {
  FASTC_TRY(const uint32_t x, l.use(node.input(0), layout));
  FASTC_TRY(const uint32_t y, l.result(node.output(), layout));
  l.emit(kernel, node, std::span(&x, 1), std::span(&y, 1), attrs);
  return {};
}

Status lower_slice(Lowering& l, const Node& node) {
  const int64_t rank = l.type(node.input(0)).rank();
  const rt::Layout layout = l.layout_of(node.input(0));
  const Dim& start = node.attr<Dim>("start");
  if (!start.is_constant()) return unsupported(node, "its start depends on an input's size");
  rt::SliceAttrs attrs{};
  std::fill(std::begin(attrs.step), std::end(attrs.step), 1);
  const int64_t axis = stored_axis(node.integer("axis"), rank, layout);
  attrs.start[axis] = start.constant(), attrs.step[axis] = node.integer("step");
  return emit_in_place_layout(l, node, rt::Kernel::kSlice, layout, attrs);
}

Status lower_pad(Lowering& l, const Node& node) {
  const int64_t rank = l.type(node.input(0)).rank();
  const rt::Layout layout = l.layout_of(node.input(0));
  const auto& padding = node.integers("padding");
  rt::PadAttrs attrs{};
  for (int64_t i = 0; i < rank; ++i) {
    attrs.before[stored_axis(i, rank, layout)] = static_cast<int32_t>(padding[i]);
    attrs.after[stored_axis(i, rank, layout)] = static_cast<int32_t>(padding[rank + i]);
  }
  attrs.value = static_cast<float>(node.number("value"));
  if (const auto& quant = l.type(node.input(0)).quant)
    attrs.qvalue = static_cast<int32_t>(
        std::clamp(static_cast<float>(quant->zero_point) + std::nearbyint(attrs.value / quant->scale), static_cast<float>(quant->low()), static_cast<float>(quant->high())));
  return emit_in_place_layout(l, node, rt::Kernel::kPad, layout, attrs);
}

Status lower_concat(Lowering& l, const Node& node) {
  const int64_t rank = l.type(node.output()).rank();
  const bool any_last = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return l.layout_of(id) == rt::Layout::kChannelsLast; });
  const bool any_weight = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return l.module().is_weight(id); });
  const rt::Layout layout = any_last && !any_weight ? rt::Layout::kChannelsLast : rt::Layout::kPlain;
  std::vector<uint32_t> inputs;
  for (const ValueId id : node.inputs) {
    FASTC_TRY(const uint32_t operand, l.use(id, layout));
    inputs.push_back(operand);
  }
  FASTC_TRY(const uint32_t y, l.result(node.output(), layout));
  const rt::AxisAttrs attrs{static_cast<int32_t>(stored_axis(node.integer("axis"), rank, layout)), 0};
  l.emit(rt::Kernel::kConcat, node, inputs, std::span(&y, 1), attrs);
  return {};
}

template <rt::Kernel kernel>
Status lower_axis(Lowering& l, const Node& node) {
  const rt::AxisAttrs attrs{static_cast<int32_t>(node.integer("axis")), 0};
  return emit_plain(l, node, kernel, bytes_of(attrs));
}

Status lower_argsort(Lowering& l, const Node& node) {
  const rt::AxisAttrs attrs{static_cast<int32_t>(l.type(node.input(0)).rank() - 1), node.flag("descending") ? 1u : 0u};
  return emit_plain(l, node, rt::Kernel::kArgsort, bytes_of(attrs));
}

Status lower_iota(Lowering& l, const Node& node) {
  const rt::IotaAttrs attrs{node.number("start"), node.number("step")};
  return emit_plain(l, node, rt::Kernel::kIota, bytes_of(attrs));
}

}  // namespace

void add_shape_rules(Rules& rules) {
  rules["reshape"] = lower_reshape;
  rules["expand"] = lower_expand;
  rules["permute"] = lower_permute;
  rules["slice"] = lower_slice;
  rules["pad"] = lower_pad;
  rules["concat"] = lower_concat;
  rules["gather"] = lower_axis<rt::Kernel::kGather>;
  rules["index_select"] = lower_axis<rt::Kernel::kIndexSelect>;
  rules["cumsum"] = lower_axis<rt::Kernel::kCumsum>;
  rules["iota"] = lower_iota;
  rules["argsort"] = lower_argsort;
}

}  // namespace fastc::lowering
