// cast: the same values in another type. Float to integer cuts the fraction off; anything to bool asks "not zero".
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  FASTC_TRY(const DType dtype, parse_dtype(view.node.string("dtype")));
  return std::vector<Type>{{dtype, view.in(0).shape}};
}

const RegisterOp cast{{
    .name = "cast",
    .summary = "converts to another type",
    .operands = operands("x"),
    .attributes = {required_text("dtype", "f32, f16, bf16, f64, i64, i32, s8, u8 or bool")},
    .infer = infer,
    .cost = no_cost,
    .couple = couple_elementwise,
    .elementwise = true,
}};

}  // namespace
}  // namespace fastc::ops
