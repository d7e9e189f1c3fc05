// Integer Winograd where there is no VNNI: faster than the direct kernel on every shape from 8 channels up (measured on a Skylake server).
#include "winograd_s8.h"

namespace fastc::rt {
namespace {

struct MultiplyAndAdd {
  static constexpr bool kPairs = true;
  static bool pays(const ConvShape&) { return true; }
  static void add(__m512i& acc, __m512i x, __m512i w) { madd(acc, x, w); }
};

}  // namespace

TiledKernel<ConvS8> conv_s8_winograd4_avx512() { return winograd_candidate<Winograd4, MultiplyAndAdd>("winograd4_s16_avx512"); }
TiledKernel<ConvS8> conv_s8_winograd2_avx512() { return winograd_candidate<Winograd2, MultiplyAndAdd>("winograd2_s16_avx512"); }

}  // namespace fastc::rt
