// What the AVX-512 kernels share: masks, constants of the epilogues, copies into row buffers.
#pragma once

// GCC 12's own AVX-512 headers use _mm512_undefined_*(), which its warning takes for ours (GCC PR 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstring>
#include <limits>

#include "isa_avx512.h"
#include "tiling.h"

namespace fastc::rt {
namespace {

// The first n of 16 lanes (all for n ≥ 16, none for n ≤ 0).
inline __mmask16 mask16(int64_t n) {
  return n >= 16 ? 0xffff : n <= 0 ? 0 : static_cast<__mmask16>((1u << n) - 1);
}

// acc += x·w in the accumulator's own register. With the intrinsics GCC 12 copies accumulators from register to register between
// iterations, for a quarter of the time; other compilers get the intrinsics.
#if defined(__GNUC__) && !defined(__clang__)
inline void fma(__m512& acc, __m512 x, __m512 w) { __asm__("vfmadd231ps %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w)); }
inline void fma_broadcast(__m512& acc, __m512 w, const float* x) {
  __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(w), "m"(*x));
}
inline void madd(__m512i& acc, __m512i x, __m512i w) {
  __m512i product;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+v"(acc), "=&v"(product) : "v"(x), "v"(w));
}
#else
inline void fma(__m512& acc, __m512 x, __m512 w) { acc = _mm512_fmadd_ps(x, w, acc); }
inline void fma_broadcast(__m512& acc, __m512 w, const float* x) { acc = _mm512_fmadd_ps(_mm512_set1_ps(*x), w, acc); }
inline void madd(__m512i& acc, __m512i x, __m512i w) { acc = _mm512_add_epi32(acc, _mm512_madd_epi16(x, w)); }
#endif

struct Bounds {
  float lo, hi;
};
inline bool is_clamp(Activation a) {
  return a == Activation::kIdentity || a == Activation::kRelu || a == Activation::kClip;
}
// Identity and relu are clamps with infinite bounds; other activations leave the clamp to do nothing.
inline Bounds clamp_bounds(Activation a, float lo, float hi) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  if (a == Activation::kRelu) return {0.0f, kInf};
  if (a == Activation::kClip) return {lo, hi};
  return {-kInf, kInf};
}
// The value comes second: where it is NaN, max and min return it, as PyTorch's relu and clamp do.
inline __m512 clamp(__m512 v, __m512 lo, __m512 hi) { return _mm512_min_ps(hi, _mm512_max_ps(lo, v)); }

// vector_math.h's trait.
struct F32x16 {
  using T = __m512;
  static constexpr int64_t kLanes = 16;
  static T set(float f) { return _mm512_set1_ps(f); }
  static T load(const float* p, int64_t n) { return n >= 16 ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(mask16(n), p); }
  static void store(float* p, T v, int64_t n) { n >= 16 ? _mm512_storeu_ps(p, v) : _mm512_mask_storeu_ps(p, mask16(n), v); }
  static T add(T a, T b) { return _mm512_add_ps(a, b); }
  static T sub(T a, T b) { return _mm512_sub_ps(a, b); }
  static T mul(T a, T b) { return _mm512_mul_ps(a, b); }
  static T div(T a, T b) { return _mm512_div_ps(a, b); }
  static T fma(T a, T b, T c) { return _mm512_fmadd_ps(a, b, c); }
  static T negate_fma(T a, T b, T c) { return _mm512_fnmadd_ps(a, b, c); }
  static T min(T a, T b) { return _mm512_min_ps(a, b); }
  static T max(T a, T b) { return _mm512_max_ps(a, b); }
  static T abs(T a) { return _mm512_abs_ps(a); }
  static T sign_of(T a, T s) { return _mm512_or_ps(abs(a), _mm512_and_ps(s, _mm512_set1_ps(-0.0f))); }
  static T sqrt(T a) { return _mm512_sqrt_ps(a); }
  static T floor(T a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  static T round(T a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static T less(T a, T b, T x, T y) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x); }
  static T nan(T a, T x, T y) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), y, x); }
  static T times_power(T x, T n) { return _mm512_scalef_ps(x, n); }
};

struct CopyF32 {
  static void copy(const float* src, float* dst, int64_t n) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) _mm512_storeu_ps(dst + i, _mm512_loadu_ps(src + i));
    if (i < n) _mm512_mask_storeu_ps(dst + i, mask16(n - i), _mm512_maskz_loadu_ps(mask16(n - i), src + i));
  }
  static void fill(float* dst, int64_t n, float value) {
    const __m512 v = _mm512_set1_ps(value);
    for (int64_t i = 0; i < n; i += 16) _mm512_mask_storeu_ps(dst + i, mask16(n - i), v);
  }
};

struct WidenU8 {
  static void copy(const uint8_t* src, int16_t* dst, int64_t n) {
    int64_t i = 0;
    for (; i + 32 <= n; i += 32)
      _mm512_storeu_si512(dst + i, _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(src + i))));
    if (i == n) return;
    const __mmask32 mask = static_cast<__mmask32>((1ull << (n - i)) - 1);
    _mm512_mask_storeu_epi16(dst + i, mask, _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, src + i)));
  }
  static void fill(int16_t* dst, int64_t n, int16_t value) {
    const __m512i v = _mm512_set1_epi16(value);
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) _mm512_storeu_si512(dst + i, v);
    if (i < n) _mm512_mask_storeu_epi16(dst + i, static_cast<__mmask32>((1ull << (n - i)) - 1), v);
  }
};

struct CopyU8 {
  static void copy(const uint8_t* src, uint8_t* dst, int64_t n) {
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) _mm512_storeu_si512(dst + i, _mm512_loadu_si512(src + i));
    if (i == n) return;
    const __mmask64 mask = (1ull << (n - i)) - 1;
    _mm512_mask_storeu_epi8(dst + i, mask, _mm512_maskz_loadu_epi8(mask, src + i));
  }
  static void fill(uint8_t* dst, int64_t n, uint8_t value) { std::memset(dst, value, static_cast<size_t>(n)); }
};

// The integer epilogue for 16 lanes at a time: y = clamp(zy + rne(float(acc)·m + float(qr−zr)·mr)). The clamp is done
// on the float, with bounds less zy: they are integers, so it commutes with rounding, and no conversion overflows.
class RequantizeS8 {
 public:
  // Lanes are `channels` (up to 16) output channels from `channel` on; paired: lanes 0-7 and 8-15 both are (up to 8) channels from
  // `channel` on, of two pixels.
  RequantizeS8(const ConvS8& a, int64_t channel, int64_t channels, bool paired = false)
      : a_(a), channel_(channel), mask_(mask16(paired && channels > 8 ? 8 : channels)) {
    bias_ = a.bias ? _mm512_maskz_loadu_epi32(mask_, a.bias + channel) : _mm512_setzero_si512();
    m_ = _mm512_maskz_loadu_ps(mask_, a.m + channel);
    if (paired) {
      bias_ = _mm512_shuffle_i64x2(bias_, bias_, 0x44);
      m_ = _mm512_shuffle_f32x4(m_, m_, 0x44);
    }
    const Bounds b = a.y_f32 ? clamp_bounds(a.activation, a.lo, a.hi)
                             : Bounds{static_cast<float>(a.qlo - a.y_zero_point), static_cast<float>(a.qhi - a.y_zero_point)};
    lo_ = _mm512_set1_ps(b.lo);
    hi_ = _mm512_set1_ps(b.hi);
    zy_ = _mm512_set1_epi32(a.y_zero_point);
    zr_ = _mm512_set1_epi32(a.residual_zero_point);
    mr_ = _mm512_set1_ps(a.residual_m);
  }
  void store(__m512i acc, int64_t pixel) const {
    const int64_t at = pixel * a_.s.oc + channel_;
    if (a_.y_f32) {
      _mm512_mask_storeu_ps(static_cast<float*>(a_.y) + at, mask_, clamp(scaled(acc), lo_, hi_));
      return;
    }
    __m128i r{};
    if (a_.residual) r = _mm_maskz_loadu_epi8(mask_, a_.residual + at);
    _mm_mask_storeu_epi8(static_cast<uint8_t*>(a_.y) + at, mask_, quantized(acc, r));
  }
  // u8 only. A pixel < 0 is not written.
  void store_pair(__m512i acc, int64_t pixel0, int64_t pixel1) const {
    const __m128i q = quantized(acc, paired_residual(pixel0, pixel1));
    if (pixel0 >= 0) _mm_mask_storeu_epi8(u8(pixel0), mask_, q);
    if (pixel1 >= 0) _mm_mask_storeu_epi8(u8(pixel1), mask_, _mm_unpackhi_epi64(q, q));
  }

  // Whether store_four may be used: all lanes real, u8.
  bool whole(bool paired) const { return !a_.y_f32 && mask_ == (paired ? 0xff : 0xffff); }
  // Four neighbouring pixels, packed together: a third of the instructions of four store().
  void store_four(const __m512i (&acc)[4], int64_t pixel) const {
    __m512 v[4];
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c)
      v[c] = real(acc[c], a_.residual ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(a_.residual + (pixel + c) * a_.s.oc + channel_)) : __m128i{});
    const __m512i q = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), pack_four(v));
    if (a_.s.oc == 16) {
      _mm512_storeu_si512(u8(pixel), q);
      return;
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(u8(pixel)), _mm512_castsi512_si128(q));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(u8(pixel + 1)), _mm512_extracti32x4_epi32(q, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(u8(pixel + 2)), _mm512_extracti32x4_epi32(q, 2));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(u8(pixel + 3)), _mm512_extracti32x4_epi32(q, 3));
  }
  // The same for paired lanes: four pixels from pixel0 and four from pixel1 on.
  void store_four_pairs(const __m512i (&acc)[4], int64_t pixel0, int64_t pixel1) const {
    __m512 v[4];
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) v[c] = real(acc[c], a_.residual ? paired_residual(pixel0 + c, pixel1 + c) : __m128i{});
    const __m512i q = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15), pack_four(v));
    const __m256i low = _mm512_castsi512_si256(q), high = _mm512_extracti64x4_epi64(q, 1);
    if (a_.s.oc == 8) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(u8(pixel0)), low);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(u8(pixel1)), high);
      return;
    }
    alignas(64) uint8_t bytes[64];
    _mm512_store_si512(bytes, q);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      std::memcpy(u8(pixel0 + c), bytes + 8 * c, 8);
      std::memcpy(u8(pixel1 + c), bytes + 32 + 8 * c, 8);
    }
  }

 private:
  __m512 scaled(__m512i acc) const { return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(acc, bias_)), m_); }
  uint8_t* u8(int64_t pixel) const { return static_cast<uint8_t*>(a_.y) + pixel * a_.s.oc + channel_; }
  __m128i paired_residual(int64_t pixel0, int64_t pixel1) const {
    __m128i r{};
    if (!a_.residual) return r;
    if (pixel0 >= 0) r = _mm_maskz_loadu_epi8(mask_, a_.residual + pixel0 * a_.s.oc + channel_);
    if (pixel1 >= 0) r = _mm_unpacklo_epi64(r, _mm_maskz_loadu_epi8(mask_, a_.residual + pixel1 * a_.s.oc + channel_));
    return r;
  }
  // The value to round, less zy, already clamped; NaN becomes lo.
  __m512 real(__m512i acc, __m128i residual) const {
    __m512 v = scaled(acc);
    if (a_.residual) {
      const __m512i r = _mm512_sub_epi32(_mm512_cvtepu8_epi32(residual), zr_);
      v = _mm512_add_ps(v, _mm512_mul_ps(_mm512_cvtepi32_ps(r), mr_));
    }
    return _mm512_min_ps(_mm512_max_ps(v, lo_), hi_);
  }
  __m128i quantized(__m512i acc, __m128i residual) const {
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(real(acc, residual)), zy_));
  }
  // Four registers of clamped values → 64 bytes, in each 128-bit lane four channels of the first, second, third and fourth.
  __m512i pack_four(const __m512 (&v)[4]) const {
    const __m512i zy = _mm512_set1_epi16(static_cast<int16_t>(a_.y_zero_point));
    const __m512i low = _mm512_packs_epi32(_mm512_cvtps_epi32(v[0]), _mm512_cvtps_epi32(v[1]));
    const __m512i high = _mm512_packs_epi32(_mm512_cvtps_epi32(v[2]), _mm512_cvtps_epi32(v[3]));
    return _mm512_packus_epi16(_mm512_add_epi16(low, zy), _mm512_add_epi16(high, zy));
  }

  const ConvS8& a_;
  int64_t channel_;
  __mmask16 mask_;
  __m512i bias_, zy_, zr_;
  __m512 m_, lo_, hi_, mr_;
};

// Lanes (c0a c0b c1a c1b …) of two registers → one sum a lane, those of `a` first.
inline __m512i join_pairs(__m512i a, __m512i b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return _mm512_add_epi32(_mm512_permutex2var_epi32(a, even, b), _mm512_permutex2var_epi32(a, odd, b));
}

// Activations that need a function run over the outputs of a finished segment.
inline void activate_segment(Activation op, float* y, int64_t oc, float lo, float hi, const Tiling& t, const Segment& g,
                             int64_t channels) {
  if (is_clamp(op)) return;
  const int64_t end = first_pixel(t, g.image, g.row1 - 1) + row_width(t, g.row1 - 1);
  for (int64_t p = first_pixel(t, g.image, g.row0); p < end; ++p) {
    float* at = y + p * oc + g.group * t.ocg + g.chunk * t.chunk_panels * 16;
    unary_avx512(op, at, at, channels, lo, hi);
  }
}

}  // namespace
}  // namespace fastc::rt
