// matmul: y[…,m,n] = Σ_k a[…,m,k]·b[…,k,n]; leading axes broadcast; transpose_b reads b as [...,N,K]. Floats only.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

int64_t k_axis_of_b(const OpView& view) { return view.in(1).rank() - (view.node.flag("transpose_b") ? 1 : 2); }
int64_t n_axis_of_b(const OpView& view) { return view.in(1).rank() - (view.node.flag("transpose_b") ? 2 : 1); }

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const Type& a = view.in(0);
  const Type& b = view.in(1);
  if (a.rank() < 2) return wrong_operand(view, 0, "rank 2 or more [...,M,K]");
  if (b.rank() < 2) return wrong_operand(view, 1, "rank 2 or more [...,K,N]");
  FASTC_CHECK(expect_float(view, 0));
  FASTC_CHECK(expect_same_dtype(view, {0, 1}));
  const Dim& k = a.shape.back();
  if (b.shape[k_axis_of_b(view)] != k) {
    return wrong_operand(view, 1, fmt::format("K = {} on axis {} (\"a\" is {})", k.text(), k_axis_of_b(view), type_text(a)));
  }
  FASTC_TRY(Shape shape, broadcast(Shape(a.shape.begin(), a.shape.end() - 2), Shape(b.shape.begin(), b.shape.end() - 2)));
  shape.push_back(a.shape[a.rank() - 2]);
  shape.push_back(b.shape[n_axis_of_b(view)]);
  return std::vector<Type>{{a.dtype, std::move(shape)}};
}

Cost cost(const OpView& view) { return mac_cost(elements(view.out()) * view.in(0).shape.back()); }

void couple(const OpView& view, Coupler& coupler) {
  const ValueId a = view.node.inputs[0], b = view.node.inputs[1], y = view.node.output();
  const int64_t rank = view.out().rank();
  tie_axis(coupler, a, view.in(0).rank() - 1, b, k_axis_of_b(view));
  tie_axis(coupler, a, view.in(0).rank() - 2, y, rank - 2);
  tie_axis(coupler, b, n_axis_of_b(view), y, rank - 1);
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const int64_t shift = rank - view.in(i).rank();
    for (int64_t axis = 0; axis + 2 < view.in(i).rank(); ++axis) {
      if (view.in(i).shape[axis] == view.out().shape[axis + shift]) tie_axis(coupler, view.node.inputs[i], axis, y, axis + shift);
    }
  }
}

const RegisterOp matmul{{
    .name = "matmul",
    .summary = "batched matrix product of two activations",
    .operands = operands("a, b"),
    .attributes = {flag("transpose_b", false, "b is [...,N,K]")},
    .infer = infer,
    .cost = cost,
    .couple = couple,
}};

}  // namespace
}  // namespace fastc::ops
