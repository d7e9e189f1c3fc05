// max_pool, avg_pool, adaptive_avg_pool over one to three spatial axes, as PyTorch's (padding on both sides alike).
//
// Integers: max_pool keeps the parameters. The averages: y = clamp(zy + rne(float(Σ(qx − zx))·m)),
// m = float32(double(sx)/(double(sy)·count)); count is that of the window (with count_include_pad the padding counts, and adds 0).
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Result<Shape> window_shape(const OpView& view, bool dilated) {
  FASTC_TRY(const int64_t spatial, spatial_rank(view, 0));
  const Node& node = view.node;
  FASTC_CHECK(expect_entries(view, "kernel", spatial, 1));
  FASTC_CHECK(expect_entries(view, "stride", spatial, 1));
  FASTC_CHECK(expect_entries(view, "padding", spatial, 0));
  if (dilated) FASTC_CHECK(expect_entries(view, "dilation", spatial, 1));
  Shape shape{view.in(0).shape[0], view.in(0).shape[1]};
  for (int64_t s = 0; s < spatial; ++s) {
    const int64_t kernel = node.integers("kernel")[s], padding = node.integers("padding")[s];
    if (padding > kernel / 2) return wrong_attribute("padding", fmt::format("at most half the kernel ({})", kernel / 2), fmt::format("{}", padding));
    FASTC_TRY(Dim size, window_size(view.in(0).shape[2 + s], kernel, padding, node.integers("stride")[s],
                                    dilated ? node.integers("dilation")[s] : 1, node.flag("ceil_mode"), padding));
    shape.push_back(std::move(size));
  }
  return shape;
}

Types infer_max(const OpView& view, const DeclaredQuant& quant) {
  if (!view.in(0).quant) FASTC_CHECK(expect_float(view, 0));
  FASTC_TRY(Shape shape, window_shape(view, true));
  return keeps(view, quant, {view.in(0).dtype, std::move(shape)});
}

Types infer_avg(const OpView& view, const DeclaredQuant& quant) {
  if (!view.in(0).quant) FASTC_CHECK(expect_float(view, 0));
  FASTC_TRY(Shape shape, window_shape(view, false));
  return requantizes(view, quant, {view.in(0).dtype, std::move(shape)});
}

Types infer_adaptive(const OpView& view, const DeclaredQuant& quant) {
  if (!view.in(0).quant) FASTC_CHECK(expect_float(view, 0));
  FASTC_TRY(const int64_t spatial, spatial_rank(view, 0));
  FASTC_CHECK(expect_entries(view, "output_size", spatial, 1));
  Shape shape{view.in(0).shape[0], view.in(0).shape[1]};
  for (const int64_t size : view.node.integers("output_size")) shape.push_back(size);
  return requantizes(view, quant, {view.in(0).dtype, std::move(shape)});
}

void couple(const OpView& view, Coupler& coupler) {
  for (const int64_t axis : {0, 1}) tie_axis(coupler, view.node.inputs[0], axis, view.node.output(), axis);
  for (int64_t axis = 2; axis < view.out().rank(); ++axis) {
    pin_axis(coupler, view.node.inputs[0], axis);
    pin_axis(coupler, view.node.output(), axis);
  }
}

std::vector<AttrDef> window_attributes(AttrDef last) {
  return {integers("kernel", "one entry per spatial axis"), integers("stride", "step of the window"),
          integers("padding", "added to both ends"), flag("ceil_mode", false, "keep a last window that hangs over the end"), last};
}

const RegisterOp max_pool{{
    .name = "max_pool",
    .summary = "largest value in a sliding window",
    .operands = operands("x"),
    .attributes = window_attributes(integers("dilation", "distance between taps")),
    .infer = infer_max,
    .couple = couple,
    .integer = IntegerRule::kKeeps,
    .sixteen_bits = true,
}};
const RegisterOp avg_pool{{
    .name = "avg_pool",
    .summary = "mean of a sliding window",
    .operands = operands("x"),
    .attributes = window_attributes(flag("count_include_pad", true, "padding counts in the mean")),
    .infer = infer_avg,
    .couple = couple,
    .integer = IntegerRule::kRequantizes,
    .sixteen_bits = true,
}};
const RegisterOp adaptive_avg_pool{{
    .name = "adaptive_avg_pool",
    .summary = "means of windows that divide the input into output_size parts",
    .operands = operands("x"),
    .attributes = {integers("output_size", "one entry per spatial axis")},
    .infer = infer_adaptive,
    .couple = couple,
    .integer = IntegerRule::kRequantizes,
    .sixteen_bits = true,
}};

}  // namespace
}  // namespace fastc::ops
