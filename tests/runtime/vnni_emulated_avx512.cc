// The AVX-512-VNNI kernel with its one instruction emulated in AVX-512BW. tests/CMakeLists.txt compiles *_avx512.cc for AVX-512.
#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include "backends/runtime/kernels/conv_s8_vnni.h"

namespace fastc::rt {
namespace {

struct EmulatedDot {
  // Even and odd bytes apart, widened to 16 bits; vpmaddwd adds bytes 0 and 2, 1 and 3 of each lane.
  static void add(__m512i& acc, __m512i x, __m512i w) {
    const __m512i even_x = _mm512_and_si512(x, _mm512_set1_epi16(0xff)), odd_x = _mm512_srli_epi16(x, 8);
    const __m512i even_w = _mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8), odd_w = _mm512_srai_epi16(w, 8);
    acc = _mm512_add_epi32(acc, _mm512_madd_epi16(even_x, even_w));
    acc = _mm512_add_epi32(acc, _mm512_madd_epi16(odd_x, odd_w));
  }
};

}  // namespace

const KernelTable* emulated_vnni_kernels() {
  static const KernelTable table = [] {
    KernelTable t{};
    t.isa = "avx512_vnni, emulated";
    t.conv_s8[0] = direct_candidate<BytesZmm<EmulatedDot>>("direct_s8_avx512_vnni");
    return t;
  }();
  return &table;
}

}  // namespace fastc::rt
#else
#include "backends/runtime/kernels.h"
namespace fastc::rt {
const KernelTable* emulated_vnni_kernels() { return nullptr; }
}  // namespace fastc::rt
#endif
