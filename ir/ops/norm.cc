// layer_norm: over the last `axes` axes, y = (x − mean)/sqrt(var + eps)·weight + bias (biased variance).
// rms_norm:   over the last axis,        y = x/sqrt(mean(x²) + eps)·weight.
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

const RegisterOp layer_norm{{
    .name = "layer_norm",
    .summary = "normalizes over the last axes of each sample",
    .operands = operands("x, weight?, bias?"),
    .attributes = {integer("axes", 1, "how many trailing axes are normalized"), number("eps", 1e-5, "added to the variance")},
    .infer = infer_layer_norm,
    .couple = couple_elementwise,
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
