// Elementwise rows for AVX2: functions of floats, quantize, dequantize and the integer add.
#include "avx2_common.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

__m256 shifted(const uint8_t* p, int64_t n, int32_t zero) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepu8_epi32(load8(p, n)), _mm256_set1_epi32(zero)));
}

}  // namespace

void unary_avx2(Activation op, const float* x, float* y, int64_t n, float lo, float hi) {
  unary_vector<F32x8>(op, x, y, n, lo, hi);
}
void binary_avx2(Binary op, const float* a, const float* b, float* y, int64_t n) { binary_vector<F32x8>(op, a, b, y, n); }

void range_avx2(const float* x, int64_t n, float* low, float* high) { range_vector<F32x8>(x, n, low, high); }
void finish_dynamic_avx2(float* y, int64_t n, float shift, float scale, const float* sums, const float* weight_scale, const float* bias) {
  finish_dynamic_vector<F32x8>(y, n, shift, scale, sums, weight_scale, bias);
}

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
