// where: c ? a : b, elementwise with numpy broadcasting over all three.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  if (view.in(0).dtype != DType::kBool) return wrong_operand(view, 0, "bool");
  FASTC_CHECK(expect_same_dtype(view, {1, 2}));
  FASTC_TRY(const Shape sides, broadcast(view.in(1).shape, view.in(2).shape));
  FASTC_TRY(Shape shape, broadcast(view.in(0).shape, sides));
  return std::vector<Type>{{view.in(1).dtype, std::move(shape)}};
}

const RegisterOp where{{
    .name = "where",
    .summary = "a where c holds, else b",
    .operands = operands("c, a, b"),
    .infer = infer,
    .couple = couple_elementwise,
    .elementwise = true,
}};

}  // namespace
}  // namespace fastc::ops
