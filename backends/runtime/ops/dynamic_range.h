// Activations quantized at run time, row by row or as a whole:
//   range [min, max] with 0 in it → s = (max − min)/255, z = clamp(rne(−min/s)), q = clamp(z + rne(x·(1/s)))
// The integer kernels then compute acc = Σ(q − 128)·w exactly, as float(acc) (their bias is −128·Σw, their m is 1), and
//   y = (acc − (z − 128)·Σw) · s·scale[o]
// Subtracting 128 first keeps acc below 2²⁴ up to K = 1032, where the float is exact whatever the row's zero point.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels.h"
#include "rounding.h"

namespace fastc::rt {

struct DynamicRange {
  float low = 0, high = 0;
};

struct DynamicScale {
  float scale, inverse;
  int32_t zero_point;
  float shift() const { return static_cast<float>(zero_point - 128); }
};

inline void widen(float v, float& low, float& high) {  // past NaN
  low = v < low ? v : low;
  high = v > high ? v : high;
}

// Several minima side by side, so that none waits for the one before it.
inline DynamicRange range_of(const float* x, int64_t count) {
  constexpr int kLanes = 16;
  float low[kLanes] = {}, high[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) widen(x[i + j], low[j], high[j]);
  }
  for (; i < count; ++i) widen(x[i], low[0], high[0]);
  DynamicRange r;
  for (int j = 0; j < kLanes; ++j) r.low = std::min(r.low, low[j]), r.high = std::max(r.high, high[j]);
  return r;
}

inline DynamicScale scale_of(DynamicRange r) {
  const float scale = (r.high - r.low) / 255.0f;
  if (!(scale > 0) || !std::isfinite(scale)) return {1.0f, 1.0f, 0};
  return {scale, 1.0f / scale, requantize(-r.low / scale, 0, 0, 255)};
}

using QuantizeRow = decltype(KernelTable::quantize);  // null: the loop below

inline void quantize_row(QuantizeRow fast, const float* x, uint8_t* q, int64_t count, const DynamicScale& s) {
  if (fast != nullptr) return fast(x, q, count, s.inverse, s.zero_point);
  for (int64_t i = 0; i < count; ++i) q[i] = requantize(x[i] * s.inverse, s.zero_point, 0, 255);
}

// What the kernels add: −128·Σw. A hostile file's sums may overflow; a real one's never do (|Σw| ≤ 127·K, and K was checked).
inline int32_t dynamic_offset(int32_t sum) { return static_cast<int32_t>(std::clamp<int64_t>(int64_t{sum} * -128, INT32_MIN / 4, INT32_MAX / 4)); }

}  // namespace fastc::rt
