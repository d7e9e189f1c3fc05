// Resampling as Pillow has it for bytes (libImaging/Resample.c): a triangle as wide as one step of the result, weights in fixed
// point with 22 bits, rows first, bytes in between. The same numbers, so that a network trained on torchvision's pictures is
// scored on the same pixels.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tasks/images/image.h"

namespace fastc {
namespace {

constexpr int kBits = 22;

// What one pixel of the result is made of: `weights` of the pixels from `first` on.
struct Taps {
  int64_t first = 0;
  std::vector<int32_t> weights;
};

std::vector<Taps> taps_for(int64_t from, int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to), support = std::max(step, 1.0);
  std::vector<Taps> out(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * step;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(center - support + 0.5));
    const auto last = std::min(from, static_cast<int64_t>(center + support + 0.5));
    std::vector<double> weights;
    double sum = 0;
    for (int64_t x = first; x < last; ++x) {
      const double distance = std::fabs((static_cast<double>(x) - center + 0.5) / support);
      weights.push_back(std::max(0.0, 1.0 - distance));
      sum += weights.back();
    }
    Taps& taps = out[static_cast<size_t>(i)];
    taps.first = first;
    for (const double weight : weights) taps.weights.push_back(static_cast<int32_t>(0.5 + weight / sum * (1 << kBits)));
  }
  return out;
}

// `count` results along one axis, whose pixels lie `step` bytes apart.
void resample_line(const uint8_t* source, int64_t step, const std::vector<Taps>& taps, uint8_t* target, int64_t target_step) {
  for (size_t i = 0; i < taps.size(); ++i) {
    int64_t sum = 1 << (kBits - 1);
    const uint8_t* at = source + taps[i].first * step;
    for (size_t k = 0; k < taps[i].weights.size(); ++k) sum += int64_t{at[static_cast<int64_t>(k) * step]} * taps[i].weights[k];
    target[static_cast<int64_t>(i) * target_step] = static_cast<uint8_t>(std::clamp<int64_t>(sum >> kBits, 0, 255));
  }
}

Image blank(int64_t height, int64_t width, int64_t channels) {
  return {height, width, channels, std::vector<uint8_t>(static_cast<size_t>(height * width * channels))};
}

Image with_width(const Image& image, int64_t width) {
  if (width == image.width) return image;
  const auto taps = taps_for(image.width, width);
  Image out = blank(image.height, width, image.channels);
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t c = 0; c < image.channels; ++c)
      resample_line(image.pixel(y, 0) + c, image.channels, taps, out.pixels.data() + y * width * image.channels + c, image.channels);
  }
  return out;
}

Image with_height(const Image& image, int64_t height) {
  if (height == image.height) return image;
  const auto taps = taps_for(image.height, height);
  Image out = blank(height, image.width, image.channels);
  const int64_t row = image.width * image.channels;
  for (int64_t i = 0; i < row; ++i) resample_line(image.pixels.data() + i, row, taps, out.pixels.data() + i, row);
  return out;
}

}  // namespace

Image resize_image(const Image& image, int64_t height, int64_t width) { return with_height(with_width(image, width), height); }

Image resize_shorter(const Image& image, int64_t side) {
  const bool tall = image.width <= image.height;
  const int64_t shorter = tall ? image.width : image.height, longer = tall ? image.height : image.width;
  if (shorter == side) return image;
  const int64_t other = side * longer / shorter;
  return tall ? resize_image(image, other, side) : resize_image(image, side, other);
}

void crop_planes(const Image& image, int64_t height, int64_t width, std::byte* out) {
  // torchvision rounds half to even.
  const auto start = [](int64_t whole, int64_t part) { return static_cast<int64_t>(std::nearbyint(static_cast<double>(whole - part) / 2.0)); };
  const int64_t top = start(image.height, height), left = start(image.width, width);
  for (int64_t c = 0; c < image.channels; ++c) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) *out++ = static_cast<std::byte>(image.pixel(top + y, left + x)[c]);
    }
  }
}

}  // namespace fastc
