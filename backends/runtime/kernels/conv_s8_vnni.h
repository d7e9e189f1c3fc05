// int8 convolution and linear with a dot product of four bytes: u8 activations as they are, stored s8 panels read in place.
//
// Dot::add(acc, x, w): acc_i32[l] += Σ_{j<4} u8 x[4l+j] · s8 w[4l+j], exact. The AVX-512-VNNI build has vpdpbusd for it; the test has
// an emulation, so that this very source is tested on machines without VNNI.
#pragma once

#include "avx512_common.h"
#include "conv_direct.h"

namespace fastc::rt {
namespace {

template <class Dot>
struct BytesZmm {
  using X = uint8_t;
  using W = int8_t;
  using Args = ConvS8;
  using Vec = __m512i;
  using Wide = __m512i;
  using Copy = CopyU8;
  static constexpr int kGroup = 4, kUnit = 16, kUnitStep = 0, kMostUnits = 8, kMostPixels = 16;
  static constexpr int kOpsPerDot = 1, kOpsPerWeights = 0, kLatency = 10;
  static constexpr bool kAlwaysCopy = false;
  static constexpr int64_t kFlatRow = 56, kChunkBytes = 0;
  static constexpr int most_pixels(int units) {
    constexpr int kMost[] = {0, 16, 14, 9, 7, 5, 4, 3, 2};
    return kMost[units];
  }
  static Vec zero() { return _mm512_setzero_si512(); }
  static Wide weights(const int8_t* w) { return _mm512_load_si512(w); }
  template <int V>
  static void step(Vec (&acc)[V], const uint8_t* x, const Wide (&w)[V]) {
    int32_t four;
    std::memcpy(&four, x, 4);
    const __m512i xv = _mm512_set1_epi32(four);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) Dot::add(acc[v], xv, w[v]);
  }
  static const void* direct(const Args& a) { return a.x; }
  static uint8_t padding(const Args& a) { return static_cast<uint8_t>(a.x_zero_point); }

  template <int V>
  static void load(const Args&, Vec*, int64_t, int64_t, int64_t) {}
  template <int V>
  static void store_partial(const Args&, const Vec*, int64_t, int64_t, int64_t) {}

  template <int P, int V>
  static void finish(const Args& a, Vec (&acc)[P][V], int64_t pixel, int64_t channel, int64_t channels) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const RequantizeS8 out(a, channel + 16 * v, channels - 16 * v);
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) out.store(acc[p][v], pixel + p);
    }
  }
  static void after(const Args& a, const Tiling& t, const Segment& g, int64_t channels) {
    if (a.y_f32) activate_segment(a.activation, static_cast<float*>(a.y), a.s.oc, a.lo, a.hi, t, g, channels);
  }
};

}  // namespace
}  // namespace fastc::rt
