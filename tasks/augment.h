// Random changes to training images: declared as texts, applied to a sample as it is stored, before it is scaled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace fastc {

struct Augment {
  bool flip = false;
  int64_t crop = 0;  // pixels of padding on each side
  bool any() const { return flip || crop > 0; }
};

Result<Augment> parse_augment(const std::vector<std::string>& texts, std::string_view place);

// One image [channels, height, width] of `item`-byte pixels. The padding is zero bytes: black before normalization.
// Draws, in this order: flip (one bit), row and column of the cut.
void augment_image(const Augment& augment, Random& random, const std::vector<int64_t>& shape, size_t item,
                   const std::byte* source, std::byte* target);

}  // namespace fastc
