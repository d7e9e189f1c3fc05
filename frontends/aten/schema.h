// What LibTorch's own registry says of an op: argument names and defaults. An exported graph leaves out what has its default.
#pragma once

#include <string>

#include "frontends/aten/arg.h"

namespace fastc::aten {

// Adds to `call.args` every argument of aten::OP.OVERLOAD that is missing there and has a default. An op that LibTorch does not know is
// left alone (the missing rule says so better).
Status fill_defaults(Call& call);

// Whether the op's result shares memory with an operand by its schema ("Tensor(a) self … -> Tensor(a)"), and so would show changes in place.
bool gives_view(const Call& call);

}  // namespace fastc::aten
