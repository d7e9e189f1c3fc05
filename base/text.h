// Small helpers for messages.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/api.h"

namespace fastc {

// The candidate that begins with `word`, or else the nearest one by edit distance, or "" when none is close enough to be a likely typing error.
FASTC_API std::string nearest(std::string_view word, std::span<const std::string> candidates);
// "a, b and c"; with more than `most`, "a, b, c and 17 more".
FASTC_API std::string list_words(std::span<const std::string> words, size_t most = 12);

}  // namespace fastc
