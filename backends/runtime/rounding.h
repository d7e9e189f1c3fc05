// Small arithmetic that several kernels share and that must be the same everywhere.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace fastc::rt {

// clamp(zero_point + rne(v), lo, hi), the last step of every integer kernel. `v` is cut first, to ±512, or ±65536 under 16 bits, which changes
// no result (lo, hi and the zero point are numbers of T) and keeps the rounding trick exact: adding 1.5·2²³ leaves no fraction bits,
// in the current mode, round half to even. NaN gives lo.
template <typename T = uint8_t>
inline T requantize(float v, int32_t zero_point, int32_t lo, int32_t hi) {
  constexpr float kMost = sizeof(T) == 1 ? 512.0f : 65536.0f;
  v = v > -kMost ? v : -kMost;
  v = v < kMost ? v : kMost;
  constexpr float kShift = 12582912.0f;
  const int32_t q = static_cast<int32_t>((v + kShift) - kShift) + zero_point;
  return static_cast<T>(q < lo ? lo : (q > hi ? hi : q));
}

// The same, cut to the numbers that an activation kept as T may have (format.h).
template <typename T = uint8_t>
inline T requantize(float v, int32_t zero_point) {
  return sizeof(T) == 1 ? requantize<T>(v, zero_point, 0, 255) : requantize<T>(v, zero_point, -32767, 32767);
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// INT64_MAX where it overflows: sizes computed from a hostile file then fit nothing.
inline int64_t saturating_product(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  bool overflow = false, zero = false;
  for (int64_t factor : factors) {
    zero = zero || factor == 0;
    overflow |= __builtin_mul_overflow(product, factor == 0 ? 1 : factor, &product);
  }
  return zero ? 0 : (overflow ? INT64_MAX : product);
}

// Panels of 16 output channels, as format.h stores weights.
inline constexpr int64_t kPanelWidth = 16;

}  // namespace fastc::rt
