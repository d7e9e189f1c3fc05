// Any bytes as a picture: a sentence of what is wrong with it, or pixels that can be resized and cut.
#include <cstdint>
#include <cstdlib>

#include "tasks/images/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fastc;
  for (const int64_t channels : {1, 3}) {
    const auto image = decode_image(std::as_bytes(std::span(data, size)), channels, "x");
    if (!image) continue;
    if (static_cast<int64_t>(image->pixels.size()) != image->height * image->width * channels) std::abort();
    if (image->height * image->width > 1 << 16) continue;
    const Image small = resize_image(*image, 5, 7);
    std::byte cut[3 * 4 * 4];
    crop_planes(small, 4, 4, cut);
  }
  return 0;
}
