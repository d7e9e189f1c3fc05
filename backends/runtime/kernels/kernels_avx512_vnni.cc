// The AVX-512-VNNI table: what it does not fill in, the AVX-512 table does.
#include "conv_s8_vnni.h"
#include "isa_avx512.h"

namespace fastc::rt {
namespace {

struct Vpdpbusd {
#if defined(__GNUC__) && !defined(__clang__)
  // As in avx512_common.h: the accumulator stays in its register.
  static void add(__m512i& acc, __m512i x, __m512i w) { __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w)); }
#else
  static void add(__m512i& acc, __m512i x, __m512i w) { acc = _mm512_dpbusd_epi32(acc, x, w); }
#endif
};

KernelTable make_table() {
  KernelTable t{};
  t.isa = "avx512_vnni";
  t.conv_s8[0] = conv_s8_winograd4_avx512_vnni();
  t.conv_s8[1] = direct_candidate<BytesZmm<Vpdpbusd>>("direct_s8_avx512_vnni");
  return t;
}

}  // namespace

const KernelTable* avx512_vnni_kernels() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace fastc::rt
