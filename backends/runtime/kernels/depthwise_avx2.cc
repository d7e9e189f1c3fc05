// Depthwise convolution for AVX2, fp32 and int8: 8 channels a register.
#include "avx2_common.h"
#include "depthwise.h"

namespace fastc::rt {
namespace {

struct DepthwiseF32 {
  using X = float;
  using W = float;
  using Args = ConvF32;
  using Vec = __m256;
  using Copy = CopyF32;
  static constexpr int kLanes = 8, kMostPixels = 8;
  static float padding(const Args&) { return 0.0f; }
  static Vec zero() { return _mm256_setzero_ps(); }
  static __m256 weights(const float* w) { return _mm256_load_ps(w); }
  static __m256i lanes(int64_t n) { return mask8(n); }
  template <bool kFull>
  static void step(Vec& acc, const float* x, __m256 w, __m256i lanes) {
    fma(acc, kFull ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, lanes), w);
  }
  template <int P>
  static void finish(const Args& a, Vec (&acc)[P], int64_t pixel, int64_t channel, int64_t n) {
    const Bounds b = clamp_bounds(a.activation, a.lo, a.hi);
    const __m256 lo = _mm256_set1_ps(b.lo), hi = _mm256_set1_ps(b.hi);
    const __m256 bias = a.bias ? load8(a.bias + channel, n) : _mm256_setzero_ps();
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      const int64_t at = (pixel + p) * a.s.oc + channel;
      __m256 y = _mm256_add_ps(acc[p], bias);
      if (a.residual) y = _mm256_add_ps(y, load8(a.residual + at, n));
      store8(a.y + at, clamp(y, lo, hi), n);
    }
  }
  static void activate(const Args& a, int64_t pixel, int64_t pixels) {
    float* y = a.y + pixel * a.s.oc;
    if (!is_clamp(a.activation)) unary_avx2(a.activation, y, y, pixels * a.s.oc, a.lo, a.hi);
  }
};

struct DepthwiseS8 {
  using X = uint8_t;
  using W = int8_t;
  using Args = ConvS8;
  using Vec = __m256i;
  using Copy = CopyU8;
  static constexpr int kLanes = 8, kMostPixels = 8;
  static uint8_t padding(const Args& a) { return static_cast<uint8_t>(a.x_zero_point); }
  static Vec zero() { return _mm256_setzero_si256(); }
  static __m256i weights(const int8_t* w) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(w))); }
  static int64_t lanes(int64_t n) { return n; }
  template <bool kFull>
  static void step(Vec& acc, const uint8_t* x, __m256i w, int64_t n) {
    madd(acc, _mm256_cvtepu8_epi32(load8(x, kFull ? 8 : n)), w);
  }
  template <int P>
  static void finish(const Args& a, Vec (&acc)[P], int64_t pixel, int64_t channel, int64_t n) {
    const RequantizeS8 out(a, channel, n);
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) out.store(acc[p], pixel + p);
  }
  static void activate(const Args& a, int64_t pixel, int64_t pixels) {
    float* y = static_cast<float*>(a.y) + pixel * a.s.oc;
    if (a.y_f32 && !is_clamp(a.activation)) unary_avx2(a.activation, y, y, pixels * a.s.oc, a.lo, a.hi);
  }
};

}  // namespace

TiledKernel<ConvF32> conv_f32_depthwise_avx2() { return depthwise_candidate<DepthwiseF32>("depthwise_f32_avx2"); }
TiledKernel<ConvS8> conv_s8_depthwise_avx2() { return depthwise_candidate<DepthwiseS8>("depthwise_s8_avx2"); }

}  // namespace fastc::rt
