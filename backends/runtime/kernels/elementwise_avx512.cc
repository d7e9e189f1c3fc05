// Elementwise rows for AVX-512: functions of floats, quantize, dequantize and the integer add.
#include "avx512_common.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

__m512i widen(const uint8_t* p, __mmask16 mask) { return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, p)); }

// clamp(zero + rne(v), lo, hi), on the float side (RequantizeS8 says why); NaN gives lo.
struct ToU8 {
  ToU8(int32_t zero, int32_t lo, int32_t hi)
      : low(_mm512_set1_ps(static_cast<float>(lo - zero))), high(_mm512_set1_ps(static_cast<float>(hi - zero))), zero_point(_mm512_set1_epi32(zero)) {}
  void store(__m512 v, uint8_t* y, __mmask16 mask) const {
    v = _mm512_min_ps(_mm512_max_ps(v, low), high);
    _mm_mask_storeu_epi8(y, mask, _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(v), zero_point)));
  }
  __m512 low, high;
  __m512i zero_point;
};

}  // namespace

void unary_avx512(Activation op, const float* x, float* y, int64_t n, float lo, float hi) {
  unary_vector<F32x16>(op, x, y, n, lo, hi);
}
void binary_avx512(Binary op, const float* a, const float* b, float* y, int64_t n) { binary_vector<F32x16>(op, a, b, y, n); }

void range_avx512(const float* x, int64_t n, float* low, float* high) { range_vector<F32x16>(x, n, low, high); }
void finish_dynamic_avx512(float* y, int64_t n, float shift, float scale, const float* sums, const float* weight_scale, const float* bias) {
  finish_dynamic_vector<F32x16>(y, n, shift, scale, sums, weight_scale, bias);
}

void quantize_avx512(const float* x, uint8_t* y, int64_t n, float inv_scale, int32_t zero_point) {
  const ToU8 out(zero_point, 0, 255);
  const __m512 scale = _mm512_set1_ps(inv_scale);
  for (int64_t i = 0; i < n; i += 16)
    out.store(_mm512_mul_ps(F32x16::load(x + i, n - i), scale), y + i, mask16(n - i));
}

void dequantize_avx512(const uint8_t* x, float* y, int64_t n, float scale, int32_t zero_point) {
  const __m512i zero = _mm512_set1_epi32(zero_point);
  for (int64_t i = 0; i < n; i += 16) {
    const __m512i q = _mm512_sub_epi32(widen(x + i, mask16(n - i)), zero);
    F32x16::store(y + i, _mm512_mul_ps(_mm512_set1_ps(scale), _mm512_cvtepi32_ps(q)), n - i);
  }
}

void add_s8_avx512(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, float ma, int32_t za, float mb, int32_t zb,
                   int32_t zy, int32_t qlo, int32_t qhi) {
  const ToU8 out(zy, qlo, qhi);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = mask16(n - i);
    const __m512 va = _mm512_cvtepi32_ps(_mm512_sub_epi32(widen(a + i, mask), _mm512_set1_epi32(za)));
    const __m512 vb = _mm512_cvtepi32_ps(_mm512_sub_epi32(widen(b + i, mask), _mm512_set1_epi32(zb)));
    out.store(_mm512_add_ps(_mm512_mul_ps(va, _mm512_set1_ps(ma)), _mm512_mul_ps(vb, _mm512_set1_ps(mb))), y + i, mask);
  }
}

}  // namespace fastc::rt
