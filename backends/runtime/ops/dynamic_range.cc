#include "ops/dynamic_range.h"

#include <algorithm>

namespace fastc::rt {
namespace {

void range(const float* x, int64_t count, float* low, float* high) {
  float least = 0, most = 0;
  for (int64_t i = 0; i < count; ++i) least = x[i] < least ? x[i] : least, most = x[i] > most ? x[i] : most;
  *low = least, *high = most;
}

void quantize(const float* x, uint8_t* q, int64_t count, float inverse, int32_t zero_point) {
  for (int64_t i = 0; i < count; ++i) q[i] = requantize(x[i] * inverse, zero_point);
}

void finish(float* y, int64_t count, float shift, float scale, const float* sums, const float* weight_scale, const float* bias) {
  for (int64_t i = 0; i < count; ++i) y[i] = (y[i] - shift * sums[i]) * (scale * weight_scale[i]) + (bias == nullptr ? 0.0f : bias[i]);
}

}  // namespace

DynamicRows DynamicRows::of(const KernelChain& kernels) {
  DynamicRows rows{first_row_kernel(kernels, &KernelTable::range), first_row_kernel(kernels, &KernelTable::quantize), first_row_kernel(kernels, &KernelTable::finish_dynamic)};
  if (rows.range == nullptr) rows.range = fastc::rt::range;
  if (rows.quantize == nullptr) rows.quantize = fastc::rt::quantize;
  if (rows.finish == nullptr) rows.finish = fastc::rt::finish;
  return rows;
}

void DynamicChannels::fill(const int32_t* weight_sums, int64_t channels) {
  ones.assign(static_cast<size_t>(channels), 1.0f);
  sums.assign(weight_sums, weight_sums + channels);
  offset.resize(static_cast<size_t>(channels));
  // A hostile file's sums may overflow; a real one's never do (|Σw| ≤ 127·K, and K was checked).
  for (int64_t o = 0; o < channels; ++o) offset[o] = static_cast<int32_t>(std::clamp<int64_t>(int64_t{weight_sums[o]} * -128, INT32_MIN / 4, INT32_MAX / 4));
}

}  // namespace fastc::rt
