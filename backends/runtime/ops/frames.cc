#include "ops/frames.h"

#include <cstring>

#include "rounding.h"

namespace fastc::rt {

uint64_t Frames::bytes() const { return needed() ? static_cast<uint64_t>(saturating_product({images, h, parts, kernel, run, element})) : 0; }

void Frames::copy(int64_t begin, int64_t end) const {
  const auto bytes = static_cast<size_t>(run * element);
  uint8_t* at = to + begin * parts * kernel * static_cast<int64_t>(bytes);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / h, first = image % ot * stride - pad;
    for (int64_t part = 0; part < parts; ++part) {
      for (int64_t k = 0; k < kernel; ++k, at += bytes) {
        const int64_t frame = first + k * dilation;
        const bool inside = frame >= 0 && frame < t;
        if (inside) std::memcpy(at, from + (((image / ot * t + frame) * h + row % h) * parts + part) * static_cast<int64_t>(bytes), bytes);
        else std::memset(at, fill, bytes);
      }
    }
  }
}

}  // namespace fastc::rt
