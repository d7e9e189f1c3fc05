// int8 convolution and linear for AVX-512 without VNNI, exact: activations are widened to s16 once, into the row buffer; stored s8
// panels are widened as they are loaded (32 bytes are 8 channels × 4 k), and vpmaddwd adds two products of 16 bits in 32 bits, which
// cannot saturate. A channel's sum then lies in two neighbouring lanes, added in the end.
#include "avx512_common.h"
#include "conv_direct.h"
#include "isa_avx512.h"

namespace fastc::rt {
namespace {

struct S16Zmm {
  using X = int16_t;
  using W = int8_t;
  using Args = ConvS8;
  using Vec = __m512i;
  using Wide = __m512i;
  using Copy = WidenU8;
  static constexpr int kGroup = 4, kUnit = 8, kUnitStep = 32, kMostUnits = 4, kMostPixels = 16;
  static constexpr int kOpsPerDot = 2, kOpsPerWeights = 1, kLatency = 2;
  static constexpr bool kAlwaysCopy = true;
  static constexpr int64_t kFlatRow = 48, kChunkBytes = 0;
  static constexpr int most_pixels(int units) {
    constexpr int kMost[] = {0, 16, 13, 8, 6};
    return kMost[units];
  }
  static Vec zero() { return _mm512_setzero_si512(); }
  static Wide weights(const int8_t* w) {
    return _mm512_cvtepi8_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(w)));
  }
  template <int V>
  static void step(Vec (&acc)[V], const int16_t* x, const Wide (&w)[V]) {
    int64_t four;
    std::memcpy(&four, x, 8);
    const __m512i xv = _mm512_set1_epi64(four);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) madd(acc[v], xv, w[v]);
  }
  static const void* direct(const Args&) { return nullptr; }
  static int16_t padding(const Args& a) { return static_cast<int16_t>(a.x_zero_point); }

  template <int V>
  static void load(const Args&, Vec*, int64_t, int64_t, int64_t) {}
  template <int V>
  static void store_partial(const Args&, const Vec*, int64_t, int64_t, int64_t) {}

  template <int P, int V>
  static void finish(const Args& a, Vec (&acc)[P][V], int64_t pixel, int64_t channel, int64_t channels) {
#pragma GCC unroll 8
    for (int v = 0; v < V; v += 2) {
      const RequantizeS8 out(a, channel + 8 * v, channels - 8 * v);
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) out.store(join_pairs(acc[p][v], acc[p][v + 1 < V ? v + 1 : v]), pixel + p);
    }
  }
  static void after(const Args& a, const Tiling& t, const Segment& g, int64_t channels) {
    if (a.y_f32) activate_segment(a.activation, static_cast<float*>(a.y), a.s.oc, a.lo, a.hi, t, g, channels);
  }
};

}  // namespace

TiledKernel<ConvS8> conv_s8_direct_avx512() { return direct_candidate<S16Zmm>("direct_s16_avx512"); }

}  // namespace fastc::rt
