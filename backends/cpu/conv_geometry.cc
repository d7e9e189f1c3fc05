#include "backends/cpu/conv_geometry.h"

namespace fastc::lowering {
namespace {

rt::DepthAttrs axis_of(const Node& node, const std::vector<int64_t>& shape, size_t axis) {
  const auto& padding = node.integers("padding");
  const size_t spatial = shape.size() - 2, end = padding.size() > spatial ? spatial + axis : axis;  // conv_transpose pads both ends alike
  const auto number = [](int64_t n) { return static_cast<int32_t>(n); };
  const int64_t kernel = shape[2 + axis];
  // A single tap has no distance to others.
  return {number(kernel), number(node.integers("stride")[axis]), number(padding[axis]), number(padding[end]), number(kernel == 1 ? 1 : node.integers("dilation")[axis]), 0};
}

void set_axis(rt::ConvAttrs& a, int i, const rt::DepthAttrs& axis) {
  a.kernel[i] = axis.kernel, a.stride[i] = axis.stride, a.dilation[i] = axis.dilation;
  a.pad_begin[i] = axis.pad_begin, a.pad_end[i] = axis.pad_end;
}

// Depthwise kernels are much faster than those of groups, so a depthwise window stays one where its rows can be joined.
rt::FrameJoin join_of(const Node& node, const std::vector<int64_t>& shape, int32_t dilation) {
  const bool depthwise = node.integer("groups") > 1 && shape[1] == 1 && node.integer("groups") == shape[0];
  return depthwise && dilation == 1 ? rt::FrameJoin::kRows : rt::FrameJoin::kChannels;
}

}  // namespace

ConvGeometry conv_geometry(const Node& node, const std::vector<int64_t>& shape) {
  constexpr rt::DepthAttrs kOneTap{1, 1, 0, 0, 1, 0};
  const size_t spatial = shape.size() - 2;
  ConvGeometry g{};
  g.window.groups = static_cast<int32_t>(node.integer("groups"));
  set_axis(g.window, 0, spatial < 2 ? kOneTap : axis_of(node, shape, spatial - 2));
  set_axis(g.window, 1, axis_of(node, shape, spatial - 1));
  if (spatial < 3) return g;
  g.depth = axis_of(node, shape, 0);
  g.depth->join = static_cast<int32_t>(join_of(node, shape, g.window.dilation[0]));
  return g;
}

Tensor image_weight(const Tensor& weight, const Depth& depth) {
  std::vector<int64_t> shape = weight.shape();
  if (!depth) {
    while (shape.size() < 4) shape.insert(shape.begin() + 2, 1);  // [O,C] → [O,C,1,1]; [O,C,k] → [O,C,1,k]
    return weight.reshaped(shape);
  }
  const bool rows = depth->join == static_cast<int32_t>(rt::FrameJoin::kRows);
  std::vector<int64_t> strides = weight.strides();
  const int to = rows ? 3 : 1;  // where kt goes: [O,C,kh,kt,kw] or [O,kt,C,kh,kw]
  std::swap(shape[2], shape[to]), std::swap(strides[2], strides[to]);
  const Tensor moved = Tensor::view(weight.dtype(), shape, strides, weight.raw(), weight.owner());
  return rows ? moved.reshaped({shape[0], shape[1], shape[2] * shape[3], shape[4]}) : moved.reshaped({shape[0], shape[1] * shape[2], shape[3], shape[4]});
}

}  // namespace fastc::lowering
