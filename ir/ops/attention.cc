// attention: softmax(q·kᵀ·scale + mask)·v for each sample and head; q [B,H,L,D], k [B,Hk,S,D], v [B,Hk,S,E] → [B,H,L,E].
// Hk divides H (grouped queries: head h reads key head h / (H/Hk)). A bool mask keeps where true; a float one is added; it
// broadcasts to [B,H,L,S]. causal: query i sees keys up to i + S − L. Floats only.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  for (const size_t i : {0, 1, 2}) {
    if (view.in(i).rank() != 4) return wrong_operand(view, i, "rank 4 [B,H,L,D]");
  }
  FASTC_CHECK(expect_float(view, 0));
  FASTC_CHECK(expect_same_dtype(view, {0, 1, 2}));
  const Shape &q = view.in(0).shape, &k = view.in(1).shape, &v = view.in(2).shape;
  if (k[0] != q[0] || k[3] != q[3]) return wrong_operand(view, 1, fmt::format("B = {} and D = {}, as \"q\"", q[0].text(), q[3].text()));
  if (v[0] != q[0] || v[1] != k[1] || v[2] != k[2]) return wrong_operand(view, 2, fmt::format("[{},E], as \"k\"", shape_text({q[0], k[1], k[2]})));
  const bool heads = q[1] == k[1] || (q[1].is_constant() && k[1].is_constant() && k[1].constant() > 0 && q[1].constant() % k[1].constant() == 0);
  if (!heads) return wrong_operand(view, 1, fmt::format("heads that divide the {} of \"q\"", q[1].text()));
  if (view.has(3)) {
    const Type& mask = view.in(3);
    if (mask.dtype != DType::kBool && mask.dtype != view.in(0).dtype) return wrong_operand(view, 3, fmt::format("bool or {}", name_of(view.in(0).dtype)));
    const Shape scores{q[0], q[1], q[2], k[2]};
    const Result<Shape> together = broadcast(mask.shape, scores);
    if (!together || *together != scores) return wrong_operand(view, 3, fmt::format("a shape that broadcasts to [{}]", shape_text(scores)));
  }
  return std::vector<Type>{{view.in(0).dtype, {q[0], q[1], q[2], v[3]}}};
}

Cost cost(const OpView& view) {
  const Shape &q = view.in(0).shape, &k = view.in(1).shape, &v = view.in(2).shape;
  const Dim scores = q[0] * q[1] * q[2] * k[2];
  return mac_cost(scores * (q[3] + v[3]), scores);
}

// Heads live and die together in q, k, v and the result (a key head with all queries of its group); so do the features of q
// with k's, and of v with the result's. Lengths are pinned.
void couple(const OpView& view, Coupler& coupler) {
  const ValueId q = view.node.inputs[0], k = view.node.inputs[1], v = view.node.inputs[2], y = view.node.output();
  for (const ValueId value : {q, k, v, y}) pin_axis(coupler, value, 2);
  for (const ValueId value : {k, v, y}) tie_axis(coupler, q, 0, value, 0);
  tie_axis(coupler, q, 3, k, 3);
  tie_axis(coupler, v, 3, y, 3);
  tie_axis(coupler, q, 1, y, 1);
  tie_axis(coupler, k, 1, v, 1);
  const Dim &heads = view.in(0).shape[1], &key_heads = view.in(1).shape[1];
  if (heads.is_constant() && key_heads.is_constant()) {
    coupler.tie({.value = k, .axis = 1, .repeat = heads.constant() / key_heads.constant()}, {.value = q, .axis = 1});
  } else {
    pin_axis(coupler, q, 1);
    pin_axis(coupler, k, 1);
  }
  if (!view.has(3)) return;
  const ValueId mask = view.node.inputs[3];
  const int64_t rank = view.in(3).rank();
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (4 - rank + axis == 1 && view.in(3).shape[axis] == heads) {
      tie_axis(coupler, mask, axis, q, 1);
    } else {
      pin_axis(coupler, mask, axis);
    }
  }
}

const RegisterOp attention{{
    .name = "attention",
    .summary = "scaled dot-product attention over heads",
    .operands = operands("q, k, v, mask?"),
    .attributes = {flag("causal", false, "queries see earlier keys only"), number("scale", "multiplies q·k; usually 1/sqrt(D)")},
    .infer = infer,
    .cost = cost,
    .couple = couple,
}};

}  // namespace
}  // namespace fastc::ops
