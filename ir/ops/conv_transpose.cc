// conv_transpose: the gradient of a convolution with respect to its input, used for upsampling (PyTorch's ConvTranspose1d/2d).
//
//   size = (in − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1
//
// Computed in floats only.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Status check(const OpView& view, int64_t spatial) {
  FASTC_CHECK(expect_entries(view, "stride", spatial, 1));
  FASTC_CHECK(expect_entries(view, "padding", spatial, 0));
  FASTC_CHECK(expect_entries(view, "output_padding", spatial, 0));
  FASTC_CHECK(expect_entries(view, "dilation", spatial, 1));
  const int64_t groups = view.node.integer("groups");
  if (groups < 1) return wrong_attribute("groups", "at least 1", fmt::format("{}", groups));
  const Shape& weight = view.in(1).shape;
  if (static_cast<int64_t>(weight.size()) != spatial + 2) return wrong_operand(view, 1, fmt::format("rank {} [C,O/groups,kernel]", spatial + 2));
  for (const Dim& dim : weight) {
    if (!dim.is_constant() || dim.constant() < 1) return wrong_operand(view, 1, "sizes that are positive integers");
  }
  if (view.in(0).shape[1] != weight[0]) {
    return wrong_operand(view, 1, fmt::format("{} input channels on axis 0 (\"x\" is {})", view.in(0).shape[1].text(), type_text(view.in(0))));
  }
  if (weight[0].constant() % groups != 0) return wrong_operand(view, 1, fmt::format("input channels that {} groups divide", groups));
  for (int64_t s = 0; s < spatial; ++s) {
    const int64_t extra = view.node.integers("output_padding")[s];
    if (extra >= std::max(view.node.integers("stride")[s], view.node.integers("dilation")[s])) {
      return wrong_attribute("output_padding", "less than stride or dilation", fmt::format("{}", extra));
    }
  }
  FASTC_CHECK(expect_float(view, 0));
  FASTC_CHECK(expect_same_dtype(view, {0, 1, 2}));
  return expect_shape(view, 2, {weight[1] * groups}, "one per output channel");
}

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  FASTC_TRY(const int64_t spatial, spatial_rank(view, 0, 2));
  FASTC_CHECK(check(view, spatial));
  const Node& node = view.node;
  const Shape& weight = view.in(1).shape;
  Type result{view.in(0).dtype, {view.in(0).shape[0], weight[1] * node.integer("groups")}};
  for (int64_t s = 0; s < spatial; ++s) {
    const int64_t reach = node.integers("dilation")[s] * (weight[2 + s].constant() - 1);
    const int64_t offset = reach + node.integers("output_padding")[s] + 1 - 2 * node.integers("padding")[s];
    const Dim size = (view.in(0).shape[2 + s] - 1) * node.integers("stride")[s] + offset;
    if (size.is_constant() && size.constant() < 1) {
      return wrong_attribute("padding", "padding that leaves something of the result", fmt::format("a result of {}", size.text()));
    }
    result.shape.push_back(size);
  }
  return std::vector<Type>{std::move(result)};
}

Cost cost(const OpView& view) {
  const Shape& weight = view.in(1).shape;
  Dim per_input = 1;
  for (size_t i = 1; i < weight.size(); ++i) per_input = per_input * weight[i];
  return mac_cost(elements(view.in(0)) * per_input);
}

// Input channels are the weight's axis 0, output channels its axis 1, which every group reads. So groups lose the same places, as in conv; depthwise (C/G = 1): each
// input channel lives with its O/G output channels, and `groups` shrinks.
void couple(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], weight = view.node.inputs[1], y = view.node.output();
  const int64_t groups = view.node.integer("groups");
  const int64_t per_in = view.in(1).shape[0].constant() / groups, per_out = view.in(1).shape[1].constant();
  tie_axis(coupler, x, 0, y, 0);
  tie_axis(coupler, x, 1, weight, 0);
  tie_axis(coupler, view.node.input(2), 0, y, 1);
  if (groups == 1) {
    tie_axis(coupler, weight, 1, y, 1);
  } else if (per_in == 1) {
    pin_axis(coupler, weight, 1);
    coupler.tie({.value = x, .axis = 1, .repeat = per_out}, {.value = y, .axis = 1});
  } else {
    tie_groups(coupler, x, per_in, groups, x);
    tie_groups(coupler, y, per_out, groups, weight);
  }
  for (const ValueId value : {x, weight, y}) {
    for (int64_t axis = 2; axis < view.out().rank(); ++axis) pin_axis(coupler, value, axis);
  }
}

Status shrink(Module& module, Node& node, const Kept& kept) {
  shrink_groups(module, node, kept);
  return {};
}

const RegisterOp conv_transpose{{
    .name = "conv_transpose",
    .summary = "transposed convolution; x [N,C,*], weight [C,O/groups,*]",
    .operands = operands("x, weight, bias?"),
    .attributes = {integers("stride", "one entry per spatial axis"), integers("padding", "removed from both ends of the result"),
                   integers("output_padding", "added to the end of the result"), integers("dilation", "distance between taps"),
                   integer("groups", 1, "separate groups of channels")},
    .infer = infer,
    .cost = cost,
    .couple = couple,
    .shrink = shrink,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
