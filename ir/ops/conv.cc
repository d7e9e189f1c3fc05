// conv: convolution (cross-correlation) over one to three spatial axes, with groups, bias, residual and activation.
//
//   y[n,o,p] = act(Σ_{c,k} x[n, g(o)·C/G + c, p·stride + k·dilation − begin] · weight[o,c,k] + bias[o] + residual[n,o,p])
//
// Integer arithmetic: weighted.h. Padding reads the zero point of x. The accumulator is int32: Σ|qx − zx|·|qw| + |bias| is
// proved to stay below 2^31 when the program is lowered.
#include "ir/ops/weighted.h"

namespace fastc::ops {
namespace {

Status check_attributes(const OpView& view, int64_t spatial) {
  FASTC_CHECK(expect_entries(view, "stride", spatial, 1));
  FASTC_CHECK(expect_entries(view, "padding", 2 * spatial, 0));
  FASTC_CHECK(expect_entries(view, "dilation", spatial, 1));
  if (view.node.integer("groups") < 1) return wrong_attribute("groups", "at least 1", fmt::format("{}", view.node.integer("groups")));
  return {};
}

Status check_weight(const OpView& view, int64_t spatial) {
  const Shape& x = view.in(0).shape;
  const Shape& weight = view.in(1).shape;
  const int64_t groups = view.node.integer("groups");
  if (static_cast<int64_t>(weight.size()) != spatial + 2) return wrong_operand(view, 1, fmt::format("rank {} [O,C/groups,kernel]", spatial + 2));
  for (const Dim& dim : weight) {
    if (!dim.is_constant() || dim.constant() < 1) return wrong_operand(view, 1, "sizes that are positive integers");
  }
  if (x[1] != weight[1] * groups) {
    return wrong_operand(view, 1, fmt::format("{} input channels in {} groups (\"x\" is {})", x[1].text(), groups, type_text(view.in(0))));
  }
  if (weight[0].constant() % groups != 0) return wrong_operand(view, 1, fmt::format("output channels that {} groups divide", groups));
  return {};
}

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_TRY(const int64_t spatial, spatial_rank(view, 0));
  FASTC_CHECK(check_attributes(view, spatial));
  FASTC_CHECK(check_weight(view, spatial));
  const Shape& x = view.in(0).shape;
  const Shape& weight = view.in(1).shape;
  const auto& stride = view.node.integers("stride");
  const auto& padding = view.node.integers("padding");
  const auto& dilation = view.node.integers("dilation");
  Shape shape{x[0], weight[0]};
  for (int64_t s = 0; s < spatial; ++s) {
    FASTC_TRY(Dim size, window_size(x[2 + s], weight[2 + s].constant(), padding[s], stride[s], dilation[s], false, padding[spatial + s]));
    shape.push_back(std::move(size));
  }
  return weighted_result(view, quant, std::move(shape), weight[0]);
}

Cost cost(const OpView& view) {
  const Shape& weight = view.in(1).shape;
  Dim per_output = 1;
  for (size_t i = 1; i < weight.size(); ++i) per_output = per_output * weight[i];
  return mac_cost(elements(view.out()) * per_output, epilogue_flops(view, view.has(3)));
}

// One group: input channels are the weight's axis 1, output channels its axis 0. Depthwise (C/G = 1): each input channel lives
// with its O/G output channels, and `groups` shrinks. Otherwise every group loses the same places, so that groups stay equal.
void couple(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], weight = view.node.inputs[1], y = view.node.output();
  const int64_t groups = view.node.integer("groups");
  const int64_t per_in = view.in(1).shape[1].constant(), per_out = view.in(1).shape[0].constant() / groups;
  tie_axis(coupler, x, 0, y, 0);
  tie_axis(coupler, weight, 0, y, 1);
  tie_axis(coupler, view.node.input(2), 0, y, 1);
  for (const ValueId value : {x, weight, y, view.node.input(3)}) {
    if (value == kNoId) continue;
    for (int64_t axis = 2; axis < view.out().rank(); ++axis) pin_axis(coupler, value, axis);
  }
  for (const int64_t axis : {0, 1}) tie_axis(coupler, view.node.input(3), axis, y, axis);
  if (groups == 1) {
    tie_axis(coupler, x, 1, weight, 1);
  } else if (per_in == 1) {
    pin_axis(coupler, weight, 1);
    coupler.tie({.value = x, .axis = 1, .repeat = per_out}, {.value = weight, .axis = 0});
  } else {
    tie_groups(coupler, x, per_in, groups, weight);
    tie_groups(coupler, y, per_out, groups, y);
  }
}

Status shrink(Module& module, Node& node, const Kept& kept) {
  shrink_groups(module, node, kept);
  return {};
}

const RegisterOp conv{{
    .name = "conv",
    .summary = "convolution over one to three spatial axes; x [N,C,*], weight [O,C/groups,*]",
    .operands = operands("x, weight, bias?, residual?"),
    .attributes = with_epilogue({integers("stride", "one entry per spatial axis"),
                                 integers("padding", "zeros added: beginnings, then ends"),
                                 integers("dilation", "distance between taps"),
                                 integer("groups", 1, "channels are convolved in this many separate groups"),
                                 text("dynamic", "", "int8 weight under a float x: range of x per \"tensor\" or \"row\"")}),
    .infer = infer,
    .cost = cost,
    .couple = couple,
    .shrink = shrink,
    .integer = IntegerRule::kRequantizes,
    .sixteen_bits = true,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
