// The end of a product over rows, shared by stored.h and sparse.h: bias, residual, activation, store. It runs once a block of outputs, so it is not
// copied into every shape of block, and `cold` asks for small code.
#pragma once

#include "tiling.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

// Where a product's results go, and what is done to them on the way.
struct RowsEnd {
  const float *bias, *residual;
  float* y;
  int64_t oc;
  Activation activation;
  float lo, hi;
};
template <class Args>
RowsEnd rows_end(const Args& a) {
  return {a.bias, a.residual, a.y, a.oc, a.activation, a.lo, a.hi};
}

// sums: [rows][width], for the output channels from `channel` on; those past a.oc are not there. I is stored.h's trait.
template <class I>
__attribute__((noinline, cold)) void finish_rows(const RowsEnd& a, const float* sums, int64_t width, int64_t rows, int64_t row, int64_t channel) {
  const Bounds bounds = clamp_bounds(a.activation, a.lo, a.hi);
  const int64_t channels = min64(width, a.oc - channel);
  for (int64_t r = 0; r < rows; ++r, sums += width) {
    const int64_t at = (row + r) * a.oc + channel;
    for (int64_t first = 0; first < channels; first += I::kLanes) {
      const int64_t n = channels - first;
      typename I::T v = I::load(sums + first, I::kLanes);
      if (a.bias != nullptr) v = I::add(v, I::load(a.bias + channel + first, n));
      if (a.residual != nullptr) v = I::add(v, I::load(a.residual + at + first, n));
      I::store(a.y + at + first, I::clamped(v, bounds), n);
    }
    if (!is_clamp(a.activation)) I::activate(a.activation, a.y + at, channels, a.lo, a.hi);
  }
}

}  // namespace
}  // namespace fastc::rt
