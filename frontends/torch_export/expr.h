// Sizes in an exported graph are sympy expressions as text: "2*s0 + 1", "(s0//2)", or sympy's srepr, "Mul(Integer(2), Symbol('s0', …))".
#pragma once

#include <string_view>

#include "ir/dim.h"

namespace fastc::torch_export {

Result<Dim> parse_expr(std::string_view text);

}  // namespace fastc::torch_export
