// stored.h's trait for AVX-512, also that of the other kernels over rows.
#pragma once

#include "avx512_common.h"
#include "isa_avx512.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

struct StoredZmm : F32x16 {
  static constexpr int kMostRows = 8;
  static T clamped(T v, Bounds b) { return clamp(v, set(b.lo), set(b.hi)); }
  static void activate(Activation op, float* y, int64_t n, float lo, float hi) { unary_avx512(op, y, y, n, lo, hi); }
  static T s8(const uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))); }
  static T f16(const uint8_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static T bf16(const uint8_t* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
  }
  // The sixteen values a nibble may have, in one register: decoding is a permutation, whose index is the low four bits of a lane.
  static void s4(const uint8_t* p, T& even, T& odd) {
    const __m512 values = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    const __m512i both = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    even = _mm512_permutexvar_ps(both, values);
    odd = _mm512_permutexvar_ps(_mm512_srli_epi32(both, 4), values);
  }
};

}  // namespace
}  // namespace fastc::rt
