#include "tasks/augment.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/json.h"

namespace fastc {

Result<Augment> parse_augment(const std::vector<std::string>& texts, std::string_view place) {
  Augment augment;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string& text = texts[i];
    const std::string digits = text.substr(std::min<size_t>(4, text.size()));
    const bool number = !digits.empty() && digits.size() <= 2 && std::all_of(digits.begin(), digits.end(), ::isdigit);
    const int64_t pixels = number ? std::stoll(digits) : 0;
    if (text == "flip") {
      augment.flip = true;
    } else if (text.starts_with("crop") && pixels > 0) {
      augment.crop = pixels;
    } else {
      return usage_error("{}: expected \"flip\" or \"crop1\" to \"crop99\", found the text \"{}\"", json_child(place, i), text);
    }
  }
  return augment;
}

void augment_image(const Augment& augment, Random& random, const std::vector<int64_t>& shape, size_t item,
                   const std::byte* source, std::byte* target) {
  const int64_t channels = shape[0], height = shape[1], width = shape[2], size = static_cast<int64_t>(item);
  const bool flip = augment.flip && random.flip();
  const auto offset = [&] { return augment.crop == 0 ? 0 : static_cast<int64_t>(random.below(2 * augment.crop + 1)) - augment.crop; };
  const int64_t down = offset(), right = offset();
  for (int64_t row = 0; row < channels * height; ++row) {
    const int64_t y = row % height + down;
    std::byte* out = target + row * width * size;
    if (y < 0 || y >= height) {
      std::memset(out, 0, static_cast<size_t>(width * size));
      continue;
    }
    const std::byte* in = source + (row / height * height + y) * width * size;
    for (int64_t x = 0; x < width; ++x) {
      const int64_t from = (flip ? width - 1 - x : x) + right;
      if (from < 0 || from >= width) {
        std::memset(out + x * size, 0, item);
      } else {
        std::memcpy(out + x * size, in + from * size, item);
      }
    }
  }
}

}  // namespace fastc
