// What the AVX2 kernels share: tails, constants of the epilogues, copies into row buffers. The AVX-512 header's twin.
#pragma once

#include <immintrin.h>

#include <cstring>
#include <limits>

#include "isa_avx2.h"
#include "tiling.h"

namespace fastc::rt {
namespace {

// The first n of 8 lanes (all for n ≥ 8, none for n ≤ 0).
inline __m256i mask8(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(min64(max64(n, 0), 8))), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256 load8(const float* p, int64_t n) { return n >= 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, mask8(n)); }
inline void store8(float* p, __m256 v, int64_t n) { n >= 8 ? _mm256_storeu_ps(p, v) : _mm256_maskstore_ps(p, mask8(n), v); }
inline __m128i load8(const uint8_t* p, int64_t n) {
  if (n >= 8) return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  uint64_t bytes = 0;
  for (int64_t i = 0; i < n; ++i) bytes |= static_cast<uint64_t>(p[i]) << (8 * i);
  return _mm_cvtsi64_si128(static_cast<int64_t>(bytes));
}
inline void store8(uint8_t* p, __m128i v, int64_t n) {
  uint64_t bytes = static_cast<uint64_t>(_mm_cvtsi128_si64(v));
  if (n >= 8) {
    std::memcpy(p, &bytes, 8);
  } else {
    for (int64_t i = 0; i < n; ++i, bytes >>= 8) p[i] = static_cast<uint8_t>(bytes);
  }
}

#if defined(__GNUC__) && !defined(__clang__)
inline void fma(__m256& acc, __m256 x, __m256 w) { __asm__("vfmadd231ps %2, %1, %0" : "+x"(acc) : "x"(x), "x"(w)); }
inline void madd(__m256i& acc, __m256i x, __m256i w) {
  __m256i product;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(acc), "=&x"(product) : "x"(x), "x"(w));
}
#else
inline void fma(__m256& acc, __m256 x, __m256 w) { acc = _mm256_fmadd_ps(x, w, acc); }
inline void madd(__m256i& acc, __m256i x, __m256i w) { acc = _mm256_add_epi32(acc, _mm256_madd_epi16(x, w)); }
#endif

struct Bounds {
  float lo, hi;
};
inline bool is_clamp(Activation a) {
  return a == Activation::kIdentity || a == Activation::kRelu || a == Activation::kClip;
}
inline Bounds clamp_bounds(Activation a, float lo, float hi) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  if (a == Activation::kRelu) return {0.0f, kInf};
  if (a == Activation::kClip) return {lo, hi};
  return {-kInf, kInf};
}
// The value comes second: where it is NaN, max and min return it.
inline __m256 clamp(__m256 v, __m256 lo, __m256 hi) { return _mm256_min_ps(hi, _mm256_max_ps(lo, v)); }

// vector_math.h's trait.
struct F32x8 {
  using T = __m256;
  static constexpr int64_t kLanes = 8;
  static T set(float f) { return _mm256_set1_ps(f); }
  static T load(const float* p, int64_t n) { return load8(p, n); }
  static void store(float* p, T v, int64_t n) { store8(p, v, n); }
  static T add(T a, T b) { return _mm256_add_ps(a, b); }
  static T sub(T a, T b) { return _mm256_sub_ps(a, b); }
  static T mul(T a, T b) { return _mm256_mul_ps(a, b); }
  static T div(T a, T b) { return _mm256_div_ps(a, b); }
  static T fma(T a, T b, T c) { return _mm256_fmadd_ps(a, b, c); }
  static T negate_fma(T a, T b, T c) { return _mm256_fnmadd_ps(a, b, c); }
  static T min(T a, T b) { return _mm256_min_ps(a, b); }
  static T max(T a, T b) { return _mm256_max_ps(a, b); }
  static T abs(T a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static T sign_of(T a, T s) { return _mm256_or_ps(abs(a), _mm256_and_ps(s, _mm256_set1_ps(-0.0f))); }
  static T sqrt(T a) { return _mm256_sqrt_ps(a); }
  static T floor(T a) { return _mm256_floor_ps(a); }
  static T round(T a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static T less(T a, T b, T x, T y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
  static T nan(T a, T x, T y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, a, _CMP_UNORD_Q)); }
  // In two steps, each a power that a float can hold.
  static T times_power(T x, T n) {
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), rest = _mm256_sub_epi32(whole, half);
    return mul(mul(x, power(half)), power(rest));
  }
  static T power(__m256i n) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23)); }
};

struct CopyF32 {
  static void copy(const float* src, float* dst, int64_t n) {
    for (int64_t i = 0; i < n; i += 8) store8(dst + i, load8(src + i, n - i), n - i);
  }
  static void fill(float* dst, int64_t n, float value) {
    for (int64_t i = 0; i < n; ++i) dst[i] = value;
  }
};
struct CopyU8 {
  static void copy(const uint8_t* src, uint8_t* dst, int64_t n) { std::memcpy(dst, src, static_cast<size_t>(n)); }
  static void fill(uint8_t* dst, int64_t n, uint8_t value) { std::memset(dst, value, static_cast<size_t>(n)); }
};
struct WidenU8 {
  static void copy(const uint8_t* src, int16_t* dst, int64_t n) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(dst + i),
                          _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(src + i))));
    for (; i < n; ++i) dst[i] = src[i];
  }
  static void fill(int16_t* dst, int64_t n, int16_t value) {
    for (int64_t i = 0; i < n; ++i) dst[i] = value;
  }
};

// clamp(zero + rne(v), lo, hi) for 8 lanes, clamped on the float side; NaN gives lo.
struct ToU8 {
  ToU8(int32_t zero, int32_t lo, int32_t hi)
      : low(_mm256_set1_ps(static_cast<float>(lo - zero))), high(_mm256_set1_ps(static_cast<float>(hi - zero))), zero_point(_mm256_set1_epi32(zero)) {}
  __m128i operator()(__m256 v) const {
    v = _mm256_min_ps(_mm256_max_ps(v, low), high);
    const __m256i q = _mm256_add_epi32(_mm256_cvtps_epi32(v), zero_point);
    const __m128i s = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    return _mm_packus_epi16(s, s);
  }
  __m256 low, high;
  __m256i zero_point;
};

// The integer epilogue (see avx512_common.h) for up to 8 output channels from `channel` on.
class RequantizeS8 {
 public:
  RequantizeS8(const ConvS8& a, int64_t channel, int64_t channels)
      : a_(a), channel_(channel), n_(channels), to_u8_(a.y_zero_point, a.qlo, a.qhi) {
    bias_ = a.bias ? _mm256_maskload_epi32(a.bias + channel, mask8(channels)) : _mm256_setzero_si256();
    m_ = _mm256_maskload_ps(a.m + channel, mask8(channels));
  }
  void store(__m256i acc, int64_t pixel) const {
    const int64_t at = pixel * a_.s.oc + channel_;
    __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(acc, bias_)), m_);
    if (a_.y_f32) {
      const Bounds b = clamp_bounds(a_.activation, a_.lo, a_.hi);
      store8(static_cast<float*>(a_.y) + at, clamp(v, _mm256_set1_ps(b.lo), _mm256_set1_ps(b.hi)), n_);
      return;
    }
    if (a_.residual) {
      const __m256i r = _mm256_sub_epi32(_mm256_cvtepu8_epi32(load8(a_.residual + at, n_)), _mm256_set1_epi32(a_.residual_zero_point));
      v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_cvtepi32_ps(r), _mm256_set1_ps(a_.residual_m)));
    }
    store8(static_cast<uint8_t*>(a_.y) + at, to_u8_(v), n_);
  }

 private:
  const ConvS8& a_;
  int64_t channel_, n_;
  ToU8 to_u8_;
  __m256i bias_;
  __m256 m_;
};

inline void activate_segment(Activation op, float* y, int64_t oc, float lo, float hi, const Tiling& t, const Segment& g,
                             int64_t channels) {
  if (is_clamp(op)) return;
  const int64_t end = first_pixel(t, g.image, g.row1 - 1) + row_width(t, g.row1 - 1);
  for (int64_t p = first_pixel(t, g.image, g.row0); p < end; ++p) {
    float* at = y + p * oc + g.group * t.ocg + g.chunk * t.chunk_panels * 16;
    unary_avx2(op, at, at, channels, lo, hi);
  }
}

}  // namespace
}  // namespace fastc::rt
