// batch_norm: y = (x − mean)/sqrt(var + eps)·weight + bias, per channel (axis 1). Inference uses the running statistics; the
// engine's training mode uses the batch's and moves the running ones by `momentum`. Floats only: graph.fold folds it away.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const Type& x = view.in(0);
  if (x.rank() < 2) return wrong_operand(view, 0, "rank 2 or more [N,C,...]");
  FASTC_CHECK(expect_float(view, 0));
  FASTC_CHECK(expect_same_dtype(view, {0, 1, 2, 3, 4}));
  for (size_t i = 1; i < 5; ++i) FASTC_CHECK(expect_shape(view, i, {x.shape[1]}, "one per channel, axis 1 of \"x\""));
  if (!(view.node.number("eps") >= 0)) return wrong_attribute("eps", "at least 0", fmt::format("{}", view.node.number("eps")));
  return std::vector<Type>{x};
}

void couple(const OpView& view, Coupler& coupler) {
  couple_except(view, coupler, {});
  for (size_t i = 1; i < 5; ++i) tie_axis(coupler, view.node.input(i), 0, view.node.output(), 1);
}

const RegisterOp batch_norm{{
    .name = "batch_norm",
    .summary = "normalizes each channel (axis 1) by running statistics",
    .operands = operands("x, weight?, bias?, mean, var"),
    .attributes = {number("eps", 1e-5, "added to the variance"), number("momentum", 0.1, "of the running statistics, in training")},
    .infer = infer,
    .couple = couple,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
