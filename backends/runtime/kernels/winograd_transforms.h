// Exact integer Winograd transforms F(m×m, 3×3), Lavin & Gray 2015 (arXiv:1509.09308), with the fractions scaled away.
//
// Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. Rows of G are multiplied by D so that they are integers; Aᵀ then becomes q⁻¹·Z with integer rows Z and
// a divisor q for each row. Everything but the last division is exact in ℤ mod 2³²; the division by q_r·q_c = 9^n·2^e is exact too: a
// multiplication by 9⁻¹ mod 2³² and an arithmetic shift, which gives the true sum as long as |sum|·2^e < 2³¹.
//
// Bounds for u8 input and s8 weights, so that everything fits 16 bits before vpmaddwd:
//   F4: |Bᵀ d B| ≤ 10·8·255 = 20400; |G g Gᵀ| ≤ 7·7·128 = 6272; shift at most 6 bits: |sum| < 2²⁵
//   F2: |Bᵀ d B| ≤ 4·255 = 1020;     |G g Gᵀ| ≤ 3·3·128 = 1152; shift 2 bits:         |sum| < 2²⁹
#pragma once

#include "avx512_common.h"

namespace fastc::rt {
namespace {

struct Winograd4 {
  static constexpr int kOut = 4, kIn = 6;
  static constexpr int kWeights[6][3] = {{6, 0, 0}, {-1, -1, -1}, {-1, 1, -1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 6}};
  static constexpr int kRowSum[6] = {0, -6, 0, 0, 0, 0};  // Bᵀ·1: the transform of padding
  static constexpr int kShift[4] = {3, 2, 1, 1};          // q = 3·2^shift
  static constexpr int64_t kSumLimit = int64_t{1} << 25;

  // O: add, sub, shl<n> on 16-bit lanes.
  template <class O, typename T>
  static void input(const T* d, T* r) {
    const T c = O::sub(d[4], d[2]), e = O::template shl<1>(O::sub(d[3], d[1]));
    const T a = O::sub(d[4], O::template shl<2>(d[2])), b = O::sub(d[3], O::template shl<2>(d[1]));
    r[0] = O::add(O::template shl<2>(O::sub(d[0], d[2])), c);
    r[1] = O::add(a, b);
    r[2] = O::sub(a, b);
    r[3] = O::add(c, e);
    r[4] = O::sub(c, e);
    r[5] = O::sub(O::sub(d[5], d[3]), O::template shl<1>(e));
  }
  static void output(const __m512i* m, __m512i* z) {
    const __m512i s = _mm512_add_epi32(m[1], m[2]), d = _mm512_sub_epi32(m[1], m[2]);
    const __m512i t = _mm512_add_epi32(m[3], m[4]), u = _mm512_sub_epi32(m[3], m[4]);
    z[0] = _mm512_add_epi32(_mm512_add_epi32(m[0], _mm512_slli_epi32(s, 2)), t);
    z[1] = _mm512_add_epi32(_mm512_slli_epi32(d, 1), u);
    z[2] = _mm512_add_epi32(s, t);
    z[3] = _mm512_add_epi32(_mm512_add_epi32(d, _mm512_slli_epi32(u, 1)), m[5]);
  }
  static __m512i divide(__m512i z, int r, int c) {
    constexpr uint32_t kInverse9 = 0x38e38e39u;  // 9 · 0x38e38e39 = 1 mod 2³²
    return _mm512_srai_epi32(_mm512_mullo_epi32(z, _mm512_set1_epi32(static_cast<int>(kInverse9))), kShift[r] + kShift[c]);
  }
};

struct Winograd2 {
  static constexpr int kOut = 2, kIn = 4;
  static constexpr int kWeights[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  static constexpr int kRowSum[4] = {0, 2, 0, 0};
  static constexpr int64_t kSumLimit = int64_t{1} << 29;

  template <class O, typename T>
  static void input(const T* d, T* r) {
    r[0] = O::sub(d[0], d[2]);
    r[1] = O::add(d[1], d[2]);
    r[2] = O::sub(d[2], d[1]);
    r[3] = O::sub(d[1], d[3]);
  }
  static void output(const __m512i* m, __m512i* z) {
    z[0] = _mm512_add_epi32(m[0], _mm512_add_epi32(m[1], m[2]));
    z[1] = _mm512_sub_epi32(_mm512_sub_epi32(m[1], m[2]), m[3]);
  }
  static __m512i divide(__m512i z, int, int) { return _mm512_srai_epi32(z, 2); }
};

// 8, 16 and 32 lanes of 16 bits: a pixel's channels, 8, 16 or 32 at a time.
struct Lanes8 {
  using T = __m128i;
  static constexpr int kLanes = 8;
  static T widen(const uint8_t* p) { return _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
  static void store(int16_t* p, T v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v); }
  static T add(T a, T b) { return _mm_add_epi16(a, b); }
  static T sub(T a, T b) { return _mm_sub_epi16(a, b); }
  template <int N>
  static T shl(T a) { return _mm_slli_epi16(a, N); }
};
struct Lanes16 {
  using T = __m256i;
  static constexpr int kLanes = 16;
  static T widen(const uint8_t* p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static void store(int16_t* p, T v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static T add(T a, T b) { return _mm256_add_epi16(a, b); }
  static T sub(T a, T b) { return _mm256_sub_epi16(a, b); }
  template <int N>
  static T shl(T a) { return _mm256_slli_epi16(a, N); }
};
struct Lanes32 {
  using T = __m512i;
  static constexpr int kLanes = 32;
  static T widen(const uint8_t* p) { return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static void store(int16_t* p, T v) { _mm512_storeu_si512(p, v); }
  static T add(T a, T b) { return _mm512_add_epi16(a, b); }
  static T sub(T a, T b) { return _mm512_sub_epi16(a, b); }
  template <int N>
  static T shl(T a) { return _mm512_slli_epi16(a, N); }
};

}  // namespace
}  // namespace fastc::rt
