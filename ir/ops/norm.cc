// layer_norm: over the last `axes` axes, y = (x − mean)/sqrt(var + eps)·weight + bias (biased variance).
// rms_norm:   over the last axis,        y = x/sqrt(mean(x²) + eps)·weight.
// group_norm: x [N,C,*]; each of `groups` runs of channels is normalized like layer_norm, over its channels and all that lies behind axis 1
//             (Wu & He 2018); weight and bias [C]. With groups = C it is instance norm.
// Floats only. Removing a channel of the normalized axis changes the statistics of the others a little: prune.channel says so
// and relies on the training after it.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer_norm(const OpView& view, const DeclaredQuant& quant, int64_t axes) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const Type& x = view.in(0);
  if (axes < 1 || axes > x.rank()) return wrong_attribute("axes", fmt::format("1 to {}", x.rank()), fmt::format("{}", axes));
  FASTC_CHECK(expect_float(view, 0));
  const Shape normalized(x.shape.end() - axes, x.shape.end());
  for (size_t i = 1; i < view.node.inputs.size(); ++i) {
    FASTC_CHECK(expect_same_dtype(view, {0, i}));
    FASTC_CHECK(expect_shape(view, i, normalized, "the normalized axes"));
  }
  if (!(view.node.number("eps") >= 0)) return wrong_attribute("eps", "at least 0", fmt::format("{}", view.node.number("eps")));
  return std::vector<Type>{x};
}

Types infer_layer_norm(const OpView& view, const DeclaredQuant& quant) {
  if (view.in(0).rank() < 1) return wrong_operand(view, 0, "rank 1 or more");
  return infer_norm(view, quant, view.node.integer("axes"));
}
Types infer_rms_norm(const OpView& view, const DeclaredQuant& quant) {
  if (view.in(0).rank() < 1) return wrong_operand(view, 0, "rank 1 or more");
  return infer_norm(view, quant, 1);
}

Types infer_group_norm(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const Type& x = view.in(0);
  const int64_t groups = view.node.integer("groups");
  if (x.rank() < 2) return wrong_operand(view, 0, "rank 2 or more [N,C,…]");
  FASTC_CHECK(expect_float(view, 0));
  if (!x.shape[1].is_constant()) return wrong_operand(view, 0, "a fixed number of channels on axis 1");
  if (groups < 1 || x.shape[1].constant() % groups != 0) return wrong_attribute("groups", fmt::format("a divisor of the {} channels", x.shape[1].text()), fmt::format("{}", groups));
  for (size_t i = 1; i < view.node.inputs.size(); ++i) {
    if (!view.has(i)) continue;
    FASTC_CHECK(expect_same_dtype(view, {0, i}));
    FASTC_CHECK(expect_shape(view, i, {x.shape[1]}, "one per channel"));
  }
  if (!(view.node.number("eps") >= 0)) return wrong_attribute("eps", "at least 0", fmt::format("{}", view.node.number("eps")));
  return std::vector<Type>{x};
}

// Every group loses the same places, so that groups stay equal; groups of one channel go with it.
void couple_group_norm(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], y = view.node.output();
  for (int64_t axis = 0; axis < view.in(0).rank(); ++axis) {
    if (axis > 1) pin_axis(coupler, x, axis);
    tie_axis(coupler, x, axis, y, axis);
  }
  for (const size_t i : {size_t{1}, size_t{2}}) tie_axis(coupler, view.node.input(i), 0, y, 1);
  const int64_t groups = view.node.integer("groups"), each = view.in(0).shape[1].constant() / groups;
  for (int64_t i = 0; each > 1 && i < each; ++i) {
    coupler.tie({.value = x, .axis = 1, .first = i, .step = each, .count = groups}, {.value = x, .axis = 1, .first = i, .count = 1, .repeat = groups});
  }
}

Status shrink_group_norm(Module& module, Node& node, const Kept& kept) {
  const auto channels = kept.of(node.inputs[0], 1);
  const bool single = module.value(node.inputs[0]).type.shape[1] == Dim(node.integer("groups"));
  if (channels && single) node.attrs.find("groups")->second = static_cast<int64_t>(channels->size());
  return {};
}

const RegisterOp layer_norm{{
    .name = "layer_norm",
    .summary = "normalizes over the last axes of each sample",
    .operands = operands("x, weight?, bias?"),
    .attributes = {integer("axes", 1, "how many trailing axes are normalized"), number("eps", 1e-5, "added to the variance")},
    .infer = infer_layer_norm,
    .couple = couple_elementwise,
    .trainable = true,
}};
const RegisterOp group_norm{{
    .name = "group_norm",
    .summary = "normalizes groups of channels of each sample",
    .operands = operands("x, weight?, bias?"),
    .attributes = {integer("groups", "how many groups the channels are in"), number("eps", 1e-5, "added to the variance")},
    .infer = infer_group_norm,
    .couple = couple_group_norm,
    .shrink = shrink_group_norm,
    .trainable = true,
}};
const RegisterOp rms_norm{{
    .name = "rms_norm",
    .summary = "divides by the root mean square over the last axis",
    .operands = operands("x, weight?"),
    .attributes = {number("eps", 1e-5, "added to the mean square")},
    .infer = infer_rms_norm,
    .couple = couple_elementwise,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
