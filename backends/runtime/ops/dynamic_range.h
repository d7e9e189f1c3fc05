// Activations quantized at run time, row by row or as a whole:
//   range [min, max] with 0 in it → s = (max − min)/255, z = clamp(rne(−min/s)), q = clamp(z + rne(x·(1/s)))
// The integer kernels then compute acc = Σ(q − 128)·w exactly, as float(acc) (their bias is −128·Σw, their m is 1), and
//   y = (acc − (z − 128)·Σw) · s·scale[o]
// Subtracting 128 first keeps acc below 2²⁴ up to K = 1032, where the float is exact whatever the row's zero point.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "isa.h"
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

inline DynamicScale scale_of(DynamicRange r) {
  const float scale = (r.high - r.low) / 255.0f;
  if (!(scale > 0) || !std::isfinite(scale)) return {1.0f, 1.0f, 0};
  return {scale, 1.0f / scale, requantize(-r.low / scale, 0)};
}

// The elementwise functions of an instruction set, or else loops.
struct DynamicRows {
  decltype(KernelTable::range) range = nullptr;
  decltype(KernelTable::quantize) quantize = nullptr;
  decltype(KernelTable::finish_dynamic) finish = nullptr;

  static DynamicRows of(const KernelChain& kernels);
  // The row's own scale, and its numbers.
  DynamicScale quantize_row(const float* x, uint8_t* q, int64_t count) const {
    DynamicRange r;
    range(x, count, &r.low, &r.high);
    const DynamicScale s = scale_of(r);
    quantize(x, q, count, s.inverse, s.zero_point);
    return s;
  }
};

// What the integer kernels and finish() read beside the weights, made of the Σw when a session opens.
struct DynamicChannels {
  std::vector<float> ones, sums;
  std::vector<int32_t> offset;  // −128·Σw
  void fill(const int32_t* weight_sums, int64_t channels);
};

}  // namespace fastc::rt
