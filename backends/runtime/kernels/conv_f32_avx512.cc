// fp32 convolution, linear and matmul for AVX-512: direct, 16 output channels a register.
#include "avx512_common.h"
#include "conv_direct.h"
#include "isa_avx512.h"
#include "matmul.h"
#include "sparse.h"
#include "stored.h"
#include "stored_zmm.h"

namespace fastc::rt {
namespace {

struct F32Zmm {
  using X = float;
  using W = float;
  using Args = ConvF32;
  using Vec = __m512;
  using Wide = __m512;
  using Copy = CopyF32;
  static constexpr int kGroup = 1, kUnit = 16, kUnitStep = 0, kMostUnits = 8, kMostPixels = 16;
  static constexpr int kOpsPerDot = 1, kOpsPerWeights = 0, kLatency = 8;
  static constexpr bool kAlwaysCopy = false;
  static constexpr int64_t kFlatRow = 56, kChunkBytes = 16 << 10;
  static constexpr int most_pixels(int units) {
    constexpr int kMost[] = {0, 16, 14, 9, 7, 5, 4, 3, 2};
    return kMost[units];
  }
  static Vec zero() { return _mm512_setzero_ps(); }
  static Wide weights(const float* w) { return _mm512_load_ps(w); }
  template <int V>
  static void step(Vec (&acc)[V], const float* x, const Wide (&w)[V]) {
    if constexpr (V == 1) {
      fma_broadcast(acc[0], w[0], x);
    } else {
      const __m512 xv = _mm512_set1_ps(*x);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) fma(acc[v], xv, w[v]);
    }
  }
  static const void* direct(const Args& a) { return a.x; }
  static float padding(const Args&) { return 0.0f; }

  template <int V>
  static void load(const Args& a, Vec* acc, int64_t pixel, int64_t channel, int64_t channels) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[v] = _mm512_maskz_loadu_ps(mask16(channels - 16 * v), a.y + pixel * a.s.oc + channel + 16 * v);
  }
  template <int V>
  static void store_partial(const Args& a, const Vec* acc, int64_t pixel, int64_t channel, int64_t channels) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      _mm512_mask_storeu_ps(a.y + pixel * a.s.oc + channel + 16 * v, mask16(channels - 16 * v), acc[v]);
  }
  template <int P, int V>
  static void finish(const Args& a, Vec (&acc)[P][V], int64_t pixel, int64_t channel, int64_t channels) {
    const Bounds b = clamp_bounds(a.activation, a.lo, a.hi);
    const __m512 lo = _mm512_set1_ps(b.lo), hi = _mm512_set1_ps(b.hi);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const __mmask16 mask = mask16(channels - 16 * v);
      const __m512 bias = a.bias ? _mm512_maskz_loadu_ps(mask, a.bias + channel + 16 * v) : _mm512_setzero_ps();
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) {
        const int64_t at = (pixel + p) * a.s.oc + channel + 16 * v;
        __m512 y = _mm512_add_ps(acc[p][v], bias);
        if (a.residual) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, a.residual + at));
        _mm512_mask_storeu_ps(a.y + at, mask, clamp(y, lo, hi));
      }
    }
  }
  static void after(const Args& a, const Tiling& t, const Segment& g, int64_t channels) {
    activate_segment(a.activation, a.y, a.s.oc, a.lo, a.hi, t, g, channels);
  }
};

}  // namespace

TiledKernel<ConvF32> conv_f32_direct_avx512() { return direct_candidate<F32Zmm>("direct_f32_avx512"); }
TiledKernel<MatmulF32> matmul_f32_avx512() { return matmul_candidate<F32Zmm, F32x16>("panels_f32_avx512"); }
TiledKernel<StoredF32> stored_f32_avx512() { return stored_candidate<F32Zmm, StoredZmm>("stored_f32_avx512"); }
TiledKernel<SparseF32> sparse_f32_avx512() { return sparse_candidate<StoredZmm>("sparse_f32_avx512"); }

}  // namespace fastc::rt
