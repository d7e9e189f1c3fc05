// Pooling, resizing and reductions.
#include <algorithm>

#include "backends/cpu/conv_geometry.h"

namespace fastc::lowering {
namespace {

// The last two numbers; a third one before them is depth's.
void put(int32_t (&to)[2], Depth& depth, int32_t rt::DepthAttrs::*field, const std::vector<int64_t>& from) {
  const size_t count = from.size();
  for (size_t i = 0; i < count && i < 2; ++i) to[1 - i] = static_cast<int32_t>(from[count - 1 - i]);
  if (count < 3) return;
  if (!depth) depth = {1, 1, 0, 0, 1, 0};
  *depth.*field = static_cast<int32_t>(from[0]);
}

template <typename Attributes>
Status emit_channels_last(Lowering& l, const Node& node, rt::Kernel kernel, const Attributes& attrs, const Depth& depth = {}) {
  if (!spatial_rank(l.type(node.input(0)).rank())) return unsupported(node, "its input must have 3 to 5 axes");
  FASTC_TRY(const uint32_t x, l.channels_last(node.input(0)));
  FASTC_TRY(const uint32_t y, l.result(node.output(), rt::Layout::kChannelsLast));
  emit_spatial(l, kernel, node, std::span(&x, 1), y, attrs, depth);
  return {};
}

rt::PoolAttrs unit_pool() {
  rt::PoolAttrs attrs{};
  for (int i = 0; i < 2; ++i) attrs.kernel[i] = attrs.stride[i] = attrs.dilation[i] = 1;
  return attrs;
}

Status lower_pool(Lowering& l, const Node& node) {
  rt::PoolAttrs attrs = unit_pool();
  Depth depth;
  put(attrs.kernel, depth, &rt::DepthAttrs::kernel, node.integers("kernel"));
  put(attrs.stride, depth, &rt::DepthAttrs::stride, node.integers("stride"));
  put(attrs.pad_begin, depth, &rt::DepthAttrs::pad_begin, node.integers("padding"));
  put(attrs.pad_end, depth, &rt::DepthAttrs::pad_end, node.integers("padding"));
  const bool max = node.op->name == "max_pool";
  if (max) put(attrs.dilation, depth, &rt::DepthAttrs::dilation, node.integers("dilation"));
  attrs.ceil = node.flag("ceil_mode") ? 1 : 0;
  attrs.count_include_pad = max || !node.flag("count_include_pad") ? 0 : 1;
  return emit_channels_last(l, node, max ? rt::Kernel::kMaxPool : rt::Kernel::kAvgPool, attrs, depth);
}

Status lower_adaptive_pool(Lowering& l, const Node& node) {
  rt::PoolAttrs attrs = unit_pool();
  Depth depth;
  put(attrs.kernel, depth, &rt::DepthAttrs::kernel, node.integers("output_size"));
  return emit_channels_last(l, node, rt::Kernel::kAdaptiveAvgPool, attrs, depth);
}

Status lower_resize(Lowering& l, const Node& node) {
  const rt::ResizeAttrs attrs{node.string("mode") == "bilinear" ? 1u : 0u, node.flag("align_corners") ? 1u : 0u};
  return emit_channels_last(l, node, rt::Kernel::kResize, attrs);
}

// In channels-last when what remains stands there in the logical order (global average pooling written as a mean over H, W).
bool order_survives(const std::vector<int64_t>& axes, int64_t rank, bool keep_dims) {
  if (keep_dims) return true;
  int64_t previous = -1;
  for (int64_t position = 0; position < rank; ++position) {
    const int64_t axis = logical_axis(position, rank, rt::Layout::kChannelsLast);
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) continue;
    if (axis < previous) return false;
    previous = axis;
  }
  return true;
}

Status lower_reduce(Lowering& l, const Node& node) {
  static const std::map<std::string_view, rt::Reduce> codes = {
      {"reduce_sum", rt::Reduce::kSum}, {"reduce_mean", rt::Reduce::kMean}, {"reduce_max", rt::Reduce::kMax}, {"reduce_min", rt::Reduce::kMin}};
  const int64_t rank = l.type(node.input(0)).rank();
  const bool keep = node.flag("keep_dims");
  const auto& axes = node.integers("axes");
  rt::Layout layout = l.layout_of(node.input(0));
  if (layout == rt::Layout::kChannelsLast && !order_survives(axes, rank, keep)) layout = rt::Layout::kPlain;
  rt::ReduceAttrs attrs{static_cast<uint32_t>(codes.at(node.op->name)), 0, keep ? 1u : 0u, 0};
  for (const int64_t axis : axes) attrs.axes_mask |= 1u << stored_axis(axis, rank, layout);
  FASTC_TRY(const uint32_t x, l.use(node.input(0), layout));
  FASTC_TRY(const uint32_t y, l.result(node.output(), keep ? layout : rt::Layout::kPlain));
  l.emit(rt::Kernel::kReduce, node, std::span(&x, 1), std::span(&y, 1), attrs);
  return {};
}

}  // namespace

void add_pool_rules(Rules& rules) {
  rules["max_pool"] = rules["avg_pool"] = lower_pool;
  rules["adaptive_avg_pool"] = lower_adaptive_pool;
  rules["resize"] = lower_resize;
  for (const char* name : {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min"}) rules[name] = lower_reduce;
}

}  // namespace fastc::lowering
