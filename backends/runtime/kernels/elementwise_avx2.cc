// Elementwise rows for AVX2: functions of floats, quantize, dequantize and the integer add.
#include "avx2_common.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

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

__m256 shifted(const uint8_t* p, int64_t n, int32_t zero) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepu8_epi32(load8(p, n)), _mm256_set1_epi32(zero)));
}

}  // namespace

void unary_avx2(Activation op, const float* x, float* y, int64_t n, float lo, float hi) {
  unary_vector<F32x8>(op, x, y, n, lo, hi);
}
void binary_avx2(Binary op, const float* a, const float* b, float* y, int64_t n) { binary_vector<F32x8>(op, a, b, y, n); }

void quantize_avx2(const float* x, uint8_t* y, int64_t n, float inv_scale, int32_t zero_point) {
  const ToU8 to_u8(zero_point, 0, 255);
  const __m256 scale = _mm256_set1_ps(inv_scale);
  for (int64_t i = 0; i < n; i += 8) store8(y + i, to_u8(_mm256_mul_ps(load8(x + i, n - i), scale)), n - i);
}

void dequantize_avx2(const uint8_t* x, float* y, int64_t n, float scale, int32_t zero_point) {
  for (int64_t i = 0; i < n; i += 8) store8(y + i, _mm256_mul_ps(_mm256_set1_ps(scale), shifted(x + i, n - i, zero_point)), n - i);
}

void add_s8_avx2(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, float ma, int32_t za, float mb, int32_t zb,
                 int32_t zy, int32_t qlo, int32_t qhi) {
  const ToU8 to_u8(zy, qlo, qhi);
  for (int64_t i = 0; i < n; i += 8) {
    const __m256 va = _mm256_mul_ps(shifted(a + i, n - i, za), _mm256_set1_ps(ma));
    const __m256 vb = _mm256_mul_ps(shifted(b + i, n - i, zb), _mm256_set1_ps(mb));
    store8(y + i, to_u8(_mm256_add_ps(va, vb)), n - i);
  }
}

}  // namespace fastc::rt
