// Depthwise convolution for AVX-512, fp32 and int8: 16 channels a register.
#include "avx512_common.h"
#include "depthwise.h"

namespace fastc::rt {
namespace {

struct DepthwiseF32 {
  using X = float;
  using W = float;
  using Args = ConvF32;
  using Vec = __m512;
  using Copy = CopyF32;
  static constexpr int kLanes = 16, kMostPixels = 14;
  static float padding(const Args&) { return 0.0f; }
  static Vec zero() { return _mm512_setzero_ps(); }
  static __m512 weights(const float* w) { return _mm512_load_ps(w); }
  static __mmask16 lanes(int64_t n) { return mask16(n); }
  template <bool kFull>
  static void step(Vec& acc, const float* x, __m512 w, __mmask16 lanes) {
    fma(acc, kFull ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(lanes, x), w);
  }
  template <int P>
  static void finish(const Args& a, Vec (&acc)[P], int64_t pixel, int64_t channel, int64_t n) {
    const __mmask16 mask = mask16(n);
    const Bounds b = clamp_bounds(a.activation, a.lo, a.hi);
    const __m512 lo = _mm512_set1_ps(b.lo), hi = _mm512_set1_ps(b.hi);
    const __m512 bias = a.bias ? _mm512_maskz_loadu_ps(mask, a.bias + channel) : _mm512_setzero_ps();
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      const int64_t at = (pixel + p) * a.s.oc + channel;
      __m512 y = _mm512_add_ps(acc[p], bias);
      if (a.residual) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, a.residual + at));
      _mm512_mask_storeu_ps(a.y + at, mask, clamp(y, lo, hi));
    }
  }
  static void activate(const Args& a, int64_t pixel, int64_t pixels) {
    float* y = a.y + pixel * a.s.oc;
    if (!is_clamp(a.activation)) unary_avx512(a.activation, y, y, pixels * a.s.oc, a.lo, a.hi);
  }
};

// u8 and s8 are widened to 32 bits; vpmaddwd of such lanes is the product, as x's upper half is zero.
struct DepthwiseS8 {
  using X = uint8_t;
  using W = int8_t;
  using Args = ConvS8;
  using Vec = __m512i;
  using Copy = CopyU8;
  static constexpr int kLanes = 16, kMostPixels = 14;
  static uint8_t padding(const Args& a) { return static_cast<uint8_t>(a.x_zero_point); }
  static Vec zero() { return _mm512_setzero_si512(); }
  static __m512i weights(const int8_t* w) { return _mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(w))); }
  static __mmask16 lanes(int64_t n) { return mask16(n); }
  template <bool kFull>
  static void step(Vec& acc, const uint8_t* x, __m512i w, __mmask16 lanes) {
    const __m128i q = kFull ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(x)) : _mm_maskz_loadu_epi8(lanes, x);
    madd(acc, _mm512_cvtepu8_epi32(q), w);
  }
  template <int P>
  static void finish(const Args& a, Vec (&acc)[P], int64_t pixel, int64_t channel, int64_t n) {
    const RequantizeS8 out(a, channel, n);
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) out.store(acc[p], pixel + p);
  }
  static void activate(const Args& a, int64_t pixel, int64_t pixels) {
    float* y = static_cast<float*>(a.y) + pixel * a.s.oc;
    if (a.y_f32 && !is_clamp(a.activation)) unary_avx512(a.activation, y, y, pixels * a.s.oc, a.lo, a.hi);
  }
};

}  // namespace

TiledKernel<ConvF32> conv_f32_depthwise_avx512() { return depthwise_candidate<DepthwiseF32>("depthwise_f32_avx512"); }
TiledKernel<ConvS8> conv_s8_depthwise_avx512() { return depthwise_candidate<DepthwiseS8>("depthwise_s8_avx512"); }

}  // namespace fastc::rt
