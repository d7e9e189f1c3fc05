// What LibTorch's own registry says of an op: argument names and defaults. An exported graph leaves out what has its default.
#pragma once

#include <string>

#include "frontends/aten/arg.h"

namespace fastc::aten {

// Adds to `call.args` every argument of aten::OP.OVERLOAD that is missing there and has a default. An op that LibTorch does not know is
// left alone (the missing rule says so better).
Status fill_defaults(Call& call);

// Whether the call's results share memory with its first operand, and so would show changes in place.
enum class Sharing : uint8_t {
  kNone,
  kView,
  kMaybe,     // by strides that are not known here, or as LibTorch likes
  kHandedOn,  // no op of ATen: one of TorchScript's own, on lists and numbers, which hands on what it was given
};
Sharing sharing(const Call& call);

}  // namespace fastc::aten
