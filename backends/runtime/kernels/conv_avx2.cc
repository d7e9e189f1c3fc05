// Convolution, linear and matmul for AVX2, fp32 and int8, over the same panels as AVX-512: a unit is half a panel (fp32) or a quarter (int8,
// widened to s16; conv_s8_avx512.cc says how).
#include "avx2_common.h"
#include "conv_direct.h"
#include "matmul.h"
#include "sparse.h"
#include "stored.h"

namespace fastc::rt {
namespace {

struct F32Ymm {
  using X = float;
  using W = float;
  using Args = ConvF32;
  using Vec = __m256;
  using Wide = __m256;
  using Copy = CopyF32;
  static constexpr int kGroup = 1, kUnit = 8, kUnitStep = 8, kMostUnits = 4, kMostPixels = 12;
  static constexpr int kOpsPerDot = 1, kOpsPerWeights = 0, kLatency = 8;
  static constexpr bool kAlwaysCopy = false;
  static constexpr int64_t kFlatRow = 48, kChunkBytes = 16 << 10;
  static constexpr int most_pixels(int units) {
    constexpr int kMost[] = {0, 12, 6, 4, 2};
    return kMost[units];
  }
  static Vec zero() { return _mm256_setzero_ps(); }
  static Wide weights(const float* w) { return _mm256_load_ps(w); }
  template <int V>
  static void step(Vec (&acc)[V], const float* x, const Wide (&w)[V]) {
    const __m256 xv = _mm256_set1_ps(*x);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) fma(acc[v], xv, w[v]);
  }
  static const void* direct(const Args& a) { return a.x; }
  static float padding(const Args&) { return 0.0f; }
  template <int V>
  static void load(const Args& a, Vec* acc, int64_t pixel, int64_t channel, int64_t channels) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[v] = load8(a.y + pixel * a.s.oc + channel + 8 * v, channels - 8 * v);
  }
  template <int V>
  static void store_partial(const Args& a, const Vec* acc, int64_t pixel, int64_t channel, int64_t channels) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) store8(a.y + pixel * a.s.oc + channel + 8 * v, acc[v], channels - 8 * v);
  }
  template <int P, int V>
  static void finish(const Args& a, Vec (&acc)[P][V], int64_t pixel, int64_t channel, int64_t channels) {
    const Bounds b = clamp_bounds(a.activation, a.lo, a.hi);
    const __m256 lo = _mm256_set1_ps(b.lo), hi = _mm256_set1_ps(b.hi);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const int64_t n = channels - 8 * v;
      const __m256 bias = a.bias ? load8(a.bias + channel + 8 * v, n) : _mm256_setzero_ps();
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) {
        const int64_t at = (pixel + p) * a.s.oc + channel + 8 * v;
        __m256 y = _mm256_add_ps(acc[p][v], bias);
        if (a.residual) y = _mm256_add_ps(y, load8(a.residual + at, n));
        store8(a.y + at, clamp(y, lo, hi), n);
      }
    }
  }
  static void after(const Args& a, const Tiling& t, const Segment& g, int64_t channels) {
    activate_segment(a.activation, a.y, a.s.oc, a.lo, a.hi, t, g, channels);
  }
};

struct S16Ymm {
  using X = int16_t;
  using W = int8_t;
  using Args = ConvS8;
  using Vec = __m256i;
  using Wide = __m256i;
  using Copy = WidenU8;
  static constexpr int kGroup = 4, kUnit = 4, kUnitStep = 16, kMostUnits = 4, kMostPixels = 10;
  static constexpr int kOpsPerDot = 2, kOpsPerWeights = 1, kLatency = 2;
  static constexpr bool kAlwaysCopy = true;
  static constexpr int64_t kFlatRow = 40, kChunkBytes = 0;
  static constexpr int most_pixels(int units) {
    constexpr int kMost[] = {0, 10, 5, 3, 2};
    return kMost[units];
  }
  static Vec zero() { return _mm256_setzero_si256(); }
  static Wide weights(const int8_t* w) {
    return _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(w)));
  }
  template <int V>
  static void step(Vec (&acc)[V], const int16_t* x, const Wide (&w)[V]) {
    int64_t four;
    std::memcpy(&four, x, 8);
    const __m256i xv = _mm256_set1_epi64x(four);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) madd(acc[v], xv, w[v]);
  }
  static const void* direct(const Args&) { return nullptr; }
  static int16_t padding(const Args& a) { return static_cast<int16_t>(a.x_zero_point); }
  template <int V>
  static void load(const Args&, Vec*, int64_t, int64_t, int64_t) {}
  template <int V>
  static void store_partial(const Args&, const Vec*, int64_t, int64_t, int64_t) {}

  // Lanes (c0a c0b c1a c1b …) of two units → one sum a lane, 8 channels.
  static __m256i join(__m256i a, __m256i b) { return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8); }
  template <int P, int V>
  static void finish(const Args& a, Vec (&acc)[P][V], int64_t pixel, int64_t channel, int64_t channels) {
#pragma GCC unroll 8
    for (int v = 0; v < V; v += 2) {
      const RequantizeS8 out(a, channel + 4 * v, v + 1 < V ? channels - 4 * v : min64(4, channels - 4 * v));
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) out.store(join(acc[p][v], acc[p][v + 1 < V ? v + 1 : v]), pixel + p);
    }
  }
  static void after(const Args& a, const Tiling& t, const Segment& g, int64_t channels) {
    if (a.y_f32) activate_segment(a.activation, static_cast<float*>(a.y), a.s.oc, a.lo, a.hi, t, g, channels);
  }
};

struct StoredYmm : F32x8 {
  static constexpr int kMostRows = 4;
  static T clamped(T v, Bounds b) { return clamp(v, set(b.lo), set(b.hi)); }
  static void activate(Activation op, float* y, int64_t n, float lo, float hi) { unary_avx2(op, y, y, n, lo, hi); }
  static __m128i eight(const uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
  static T s8(const uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight(p))); }
  static T f16(const uint8_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static T bf16(const uint8_t* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16));
  }
  static void s4(const uint8_t* p, T& even, T& odd) {
    const __m256i both = _mm256_cvtepu8_epi32(eight(p)), eights = _mm256_set1_epi32(8);
    even = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_and_si256(both, _mm256_set1_epi32(15)), eights));
    odd = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(both, 4), eights));
  }
};

}  // namespace

TiledKernel<ConvF32> conv_f32_direct_avx2() { return direct_candidate<F32Ymm>("direct_f32_avx2"); }
TiledKernel<MatmulF32> matmul_f32_avx2() { return matmul_candidate<F32Ymm, F32x8>("panels_f32_avx2"); }
TiledKernel<StoredF32> stored_f32_avx2() { return stored_candidate<F32Ymm, StoredYmm>("stored_f32_avx2"); }
TiledKernel<SparseF32> sparse_f32_avx2() { return sparse_candidate<StoredYmm>("sparse_f32_avx2"); }
TiledKernel<ConvS8> conv_s8_direct_avx2() { return direct_candidate<S16Ymm>("direct_s16_avx2"); }

}  // namespace fastc::rt
