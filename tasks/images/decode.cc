#include <limits>
#include <memory>

#include "tasks/images/image.h"

// The only file that compiles stb's code: no stdio (the bytes are mapped), no formats but the two that are meant.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace fastc {

Result<Image> decode_image(std::span<const std::byte> file, int64_t channels, std::string_view what) {
  if (file.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return input_error("{}: expected a picture of less than 2 GiB, found {} bytes", what, file.size());
  const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
  const int size = static_cast<int>(file.size());
  int width = 0, height = 0, stored = 0;
  if (size == 0 || !stbi_info_from_memory(bytes, size, &width, &height, &stored))
    return input_error("{}: expected a PNG or JPEG picture, found other bytes ({})", what, size == 0 ? "an empty file" : stbi_failure_reason());
  if (int64_t{width} * height > kMostPixels)
    return input_error("{}: expected a picture of at most {} pixels, found {}x{}", what, kMostPixels, width, height);
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes, size, &width, &height, &stored, static_cast<int>(channels)), stbi_image_free);
  if (!pixels) return input_error("{}: the picture is damaged or cut short ({})", what, stbi_failure_reason());
  return Image{height, width, channels, {pixels.get(), pixels.get() + int64_t{width} * height * channels}};
}

}  // namespace fastc
