// Arithmetic on numbers known at import: sizes, indices, scale factors. Integers are dimensions and stay exact.
#pragma once

#include <string_view>

#include "frontends/aten/arg.h"

namespace fastc::aten {

// Two numbers, two texts or two lists: what fold_binary takes.
bool comparable(const Arg& a, const Arg& b);

// aten's or Python's name of a binary op ("add", "floordiv", "eq" …) on two numbers; eq and ne also of texts and lists. Error where the result is not known for every size.
Result<Arg> fold_binary(std::string_view op, const Arg& a, const Arg& b);

}  // namespace fastc::aten
