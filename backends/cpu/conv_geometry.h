// Windows of convolutions as kernels take them: two axes, and a third one apart (format.h: DepthAttrs).
#pragma once

#include "backends/cpu/lowering.h"

namespace fastc::lowering {

using Depth = std::optional<rt::DepthAttrs>;  // where there are three axes

struct ConvGeometry {
  rt::ConvAttrs window;  // without epilogue
  Depth depth;
};
// `shape`: of the weight, [O, C/groups, kernel].
ConvGeometry conv_geometry(const Node& node, const std::vector<int64_t>& shape);

// A weight [O, C/groups, kernel] as the one over images that computes the same: [O, ·, kh, kw], contiguous.
Tensor image_weight(const Tensor& weight, const Depth& depth);

// Emits with `depth` behind the attributes.
template <typename Attributes>
void emit_spatial(Lowering& l, rt::Kernel kernel, const Node& node, std::span<const uint32_t> inputs, uint32_t y, const Attributes& attributes, const Depth& depth) {
  struct WithDepth {
    Attributes own;
    rt::DepthAttrs depth;
  };
  static_assert(sizeof(WithDepth) == sizeof(Attributes) + sizeof(rt::DepthAttrs));
  if (depth) l.emit(kernel, node, inputs, std::span(&y, 1), WithDepth{attributes, *depth});
  else l.emit(kernel, node, inputs, std::span(&y, 1), attributes);
}

}  // namespace fastc::lowering
