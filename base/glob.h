// Patterns on node names: `*` any run of characters (dots too), `?` one character, `[abc]`, `[a-z]`, `[!x]` one of a class.
// A `[` without its `]` is an ordinary character. Matching is of the whole name and takes O(pattern · name) at worst.
#pragma once

#include <string_view>

#include "base/api.h"

namespace fastc {

FASTC_API bool glob_match(std::string_view pattern, std::string_view name);

}  // namespace fastc
