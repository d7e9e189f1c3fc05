// Integer Winograd with VNNI: vpdpwssd multiplies and adds pairs of 16 bits at half the rate at which vpdpbusd does four bytes, so F(4×4)
// needs half of the direct kernel's multiplications. F(2×2) needs about as many, and its transforms besides: it is not here.
#include "winograd_s8.h"

namespace fastc::rt {
namespace {

struct DotPairs {
  static constexpr bool kPairs = true;
  // Against the direct kernel, in multiplications at its rate: a tile's products count twice, 36·c·oc of them; the transforms cost about 570 a
  // tile and channel, reading the transformed weights 1.5 a byte. Fitted on a Zen 4 server (GMAC/s of both kernels, bench_kernels): it picks the
  // faster one on every shape tried, or loses 5 %.
  static bool pays(const ConvShape& s) {
    const int64_t out16 = ceil_div(s.oc, 16) * 16, out8 = ceil_div(s.oc, 8) * 8;  // the direct kernel has no half units
    const int64_t tiles = s.n * ceil_div(s.oh, 4) * ceil_div(s.ow, 4), products = 36 * s.c * out8;
    return tiles * (2 * products + 570 * (s.c + out8)) + 3 * products < s.n * s.oh * s.ow * 9 * s.c * out16;
  }
#if defined(__GNUC__) && !defined(__clang__)
  // As in avx512_common.h: the accumulator stays in its register.
  static void add(__m512i& acc, __m512i x, __m512i w) { __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w)); }
#else
  static void add(__m512i& acc, __m512i x, __m512i w) { acc = _mm512_dpwssd_epi32(acc, x, w); }
#endif
};

}  // namespace

TiledKernel<ConvS8> conv_s8_winograd4_avx512_vnni() { return winograd_candidate<Winograd4, DotPairs>("winograd4_s16_avx512_vnni"); }

}  // namespace fastc::rt
