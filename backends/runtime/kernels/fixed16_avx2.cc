// Sums of 16-bit fixed point, exact in 64 bits, for weights of 8 or 16 bits (KernelTable::dots_s16_…), and the way from them to results. For AVX2; AVX-512
// takes these too: twice as wide they were no faster on real layers, where adding up the lanes in the end costs as much as the products.
//
// A multiply-add of the CPU adds two products of 16 bits into 32. |x·w| ≤ 32767·127 under weights of 8 bits, so that 256 such pairs fit 32 bits
// (256·2·32767·127 < 2³¹) before they are added up in 64. Under weights of 16 bits a single pair does, just (2·32767² < 2³¹): its upper and its lower
// half are added up apart, and 32767 of them fit. Integers have no rounding, so the order of the sum changes nothing.
#include <cstring>

#include "avx2_common.h"

namespace fastc::rt {
namespace {

constexpr int64_t kWords = 16;  // in a register

__m256i load16(const int16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
__m256i load16(const int8_t* p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }

int64_t sum_of_lanes(__m256i v) {
  const __m256i wide = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(v)), _mm256_cvtepi32_epi64(_mm256_extracti128_si256(v, 1)));
  const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  return _mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1);
}

template <typename W>
struct WideSum;

template <>
struct WideSum<int8_t> {
  static constexpr int64_t kRun = 256;
  __m256i pairs = _mm256_setzero_si256();
  void add(__m256i products) { pairs = _mm256_add_epi32(pairs, products); }
  __attribute__((noinline)) int64_t total() const { return sum_of_lanes(pairs); }
};

template <>
struct WideSum<int16_t> {
  static constexpr int64_t kRun = 32767;
  __m256i upper = _mm256_setzero_si256(), lower = _mm256_setzero_si256();
  void add(__m256i products) {
    upper = _mm256_add_epi32(upper, _mm256_srai_epi32(products, 16));
    lower = _mm256_add_epi32(lower, _mm256_blend_epi16(products, _mm256_setzero_si256(), 0xaa));
  }
  __attribute__((noinline)) int64_t total() const { return sum_of_lanes(upper) * 65536 + sum_of_lanes(lower); }
};

// R rows by C channels. One loop, for little code: it also takes what is left of a row, copied beside zeros.
template <int R, int C, typename W>
__attribute__((noinline)) void dots_block(const int16_t* x, int64_t x_step, const W* w, int64_t k, int64_t* sums, int64_t channels) {
  constexpr int64_t kRun = WideSum<W>::kRun * kWords;
  W rest[C * kWords];
  for (int64_t first = 0; first < k; first += kRun) {
    WideSum<W> part[R][C];
    const int16_t* rows = x + first;
    const W* at = w + first;
    int64_t left = min64(k - first, kRun), step = k;
    while (left > 0) {
      if (left < kWords) {
        std::memset(rest, 0, sizeof rest);
        for (int c = 0; c < C; ++c) std::memcpy(rest + c * kWords, at + c * step, static_cast<size_t>(left) * sizeof(W));
        at = rest, step = kWords;
      }
      do {
        __m256i inputs[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) inputs[r] = load16(rows + r * x_step);
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) {
          const __m256i weights = load16(at + c * step);
#pragma GCC unroll 4
          for (int r = 0; r < R; ++r) part[r][c].add(_mm256_madd_epi16(inputs[r], weights));
        }
        rows += kWords, at += kWords, left -= kWords;
      } while (left >= kWords);
    }
    WideSum<W> ended[R * C];
#pragma GCC unroll 8
    for (int i = 0; i < R * C; ++i) ended[i] = part[i / C][i % C];
#pragma GCC unroll 1
    for (int i = 0; i < R * C; ++i) {
      int64_t& sum = sums[i / C * channels + i % C];
      sum = (first == 0 ? 0 : sum) + ended[i].total();
    }
  }
}

template <int C, typename W>
void dots(const int16_t* x, int64_t x_step, int64_t rows, const W* w, int64_t channels, int64_t k, int64_t* sums) {
  constexpr int R = 2;
  for (int64_t r = 0; r < rows; r += R)
    for (int64_t o = 0; o < channels; o += C) dots_block<R, C>(x + r * x_step, x_step, w + o * k, k, sums + r * channels + o, channels);
}

// From the bits of 1.5·2⁵² + v, which is a double for |v| < 2⁵¹; from there one rounding.
__m128 four_floats(const int64_t* sums, const int32_t* bias) {
  constexpr double kShift = 6755399441055744.0;
  const __m256i v = _mm256_add_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums)), _mm256_cvtepi32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bias))));
  const __m256i shifted = _mm256_add_epi64(v, _mm256_castpd_si256(_mm256_set1_pd(kShift)));
  return _mm256_cvtpd_ps(_mm256_sub_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(kShift)));
}

}  // namespace

void dots_s16_s8_avx2(const int16_t* x, int64_t x_step, int64_t rows, const int8_t* w, int64_t channels, int64_t k, int64_t* sums) { dots<4>(x, x_step, rows, w, channels, k, sums); }
// A sum takes two registers here, and the halves of a product two more.
void dots_s16_s16_avx2(const int16_t* x, int64_t x_step, int64_t rows, const int16_t* w, int64_t channels, int64_t k, int64_t* sums) { dots<2>(x, x_step, rows, w, channels, k, sums); }

// Bounds are whole numbers, so cutting before rounding changes nothing; NaN gives lo.
void finish_s16_avx2(const int64_t* sums, const int32_t* bias, const float* m, const int16_t* residual, float residual_m, int16_t* y, int64_t n, int32_t qlo, int32_t qhi) {
  const __m256 lo = _mm256_set1_ps(static_cast<float>(qlo)), hi = _mm256_set1_ps(static_cast<float>(qhi));
  for (int64_t i = 0; i < n; i += 8) {
    const __m256 real = _mm256_set_m128(four_floats(sums + i + 4, bias + i + 4), four_floats(sums + i, bias + i));
    __m256 v = _mm256_mul_ps(real, _mm256_loadu_ps(m + i));
    if (residual != nullptr) {
      const __m256i wide = _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(residual + i)));
      v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_cvtepi32_ps(wide), _mm256_set1_ps(residual_m)));
    }
    const __m256i q = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v, lo), hi));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1)));
  }
}

}  // namespace fastc::rt
