// Pictures as bytes: decoded from PNG and JPEG, resized as Pillow does, cut out of the middle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fastc {

struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;  // rows of pixels, the channels of a pixel together

  const uint8_t* pixel(int64_t y, int64_t x) const { return pixels.data() + (y * width + x) * channels; }
};

// PNG or JPEG with 1 (grey) or 3 (RGB) channels, whatever the file holds: a palette is looked up, transparency dropped,
// 16 bits become 8. Nothing is unpacked of a picture with more than kMostPixels. `what` opens messages.
inline constexpr int64_t kMostPixels = int64_t{1} << 26;
Result<Image> decode_image(std::span<const std::byte> file, int64_t channels, std::string_view what);

// Bilinear with the filter as wide as the step (antialiased), bit for bit what Pillow's Image.resize(…, BILINEAR) gives, and so
// torchvision's Resize on its images. (Where one side grows and the other shrinks, Pillow 13 changed the order of the two passes,
// and so a last bit; pictures that keep their proportion never do that.)
Image resize_image(const Image& image, int64_t height, int64_t width);

// The shorter side becomes `side`, the longer one keeps the proportion, rounded down (torchvision's Resize(side)).
Image resize_shorter(const Image& image, int64_t side);

// [channels, height, width] out of the middle of an image that is at least as large (torchvision's CenterCrop, ToTensor's order).
void crop_planes(const Image& image, int64_t height, int64_t width, std::byte* out);

}  // namespace fastc
