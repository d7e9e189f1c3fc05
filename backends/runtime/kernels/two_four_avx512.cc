// fp32 linear layers and 1×1 convolutions over a few rows with a 2:4 weight: of each four inputs a channel reads two. Sixteen channels read sixteen different
// pairs, so the four inputs are spread over the register's 128-bit quarters, and vpermilps picks for each channel the one its number belongs to: half of the
// multiply-adds and half of the bytes for a permutation each. With more rows the permutations cost what is saved (docs/methods.md), and the dense kernels run.
//
// packed: f32 [panels][K/4][2][16], the two numbers of each channel; u32 [panels][K/4][2], their places, 2 bits a channel.
#include "stored_zmm.h"

#include "finish_rows.h"

namespace fastc::rt {
namespace {

constexpr int64_t kMostRows = 8, kTogether = 4;  // rows; panels a tile

int64_t panels_of(const ConvF32& a) { return ceil_div(a.s.oc, 16); }
int64_t rows_of(const ConvF32& a) { return a.s.n * a.s.oh * a.s.ow; }
int64_t fours(const ConvF32& a) { return a.s.c / 4; }
float* numbers(const ConvF32& a, const void* packed, int64_t panel) { return static_cast<float*>(const_cast<void*>(packed)) + panel * fours(a) * 32; }
uint32_t* places(const ConvF32& a, const void* packed, int64_t panel) { return reinterpret_cast<uint32_t*>(numbers(a, packed, panels_of(a))) + panel * fours(a) * 2; }

bool accepts(const ConvF32& a) {
  const ConvShape& s = a.s;
  const bool point = s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 0 && s.pad_w == 0 && s.groups == 1 && s.oh == s.h && s.ow == s.w;
  return point && a.two_four && s.c % 4 == 0 && s.c > 0 && s.oc > 0 && rows_of(a) > 0 && rows_of(a) <= kMostRows;
}
int64_t tiles(const ConvF32& a) { return ceil_div(panels_of(a), kTogether); }
size_t pack_bytes(const ConvF32& a) { return static_cast<size_t>(panels_of(a) * fours(a) * (32 * 4 + 2 * 4)); }

__attribute__((cold)) void pack(const ConvF32& a, void* to) {
  for (int64_t four = 0; four < panels_of(a) * fours(a); ++four) {
    float* w = numbers(a, to, 0) + four * 32;
    uint32_t* place = places(a, to, 0) + four * 2;
    place[0] = place[1] = 0;
    for (int64_t lane = 0; lane < 16; ++lane) {
      w[lane] = w[16 + lane] = 0;
      int64_t found = 0;
      for (uint32_t i = 0; i < 4; ++i) {
        const float number = a.w[four * 64 + i * 16 + lane];
        if (number == 0 || found == 2) continue;  // never three: the reader has checked that
        w[found * 16 + lane] = number;
        place[found++] |= i << 2 * lane;
      }
    }
  }
}

template <int R, int V>
__attribute__((noinline, hot)) void block(const ConvF32& a, const void* packed, int64_t row, int64_t panel) {
  const __m512i shifts = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const int64_t n = fours(a);
  const float *w = numbers(a, packed, panel), *x = a.x + row * a.s.c;
  const uint32_t* place = places(a, packed, panel);
  __m512 sum[R][V][2];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v][0] = sum[r][v][1] = _mm512_setzero_ps();
  for (int64_t four = 0; four < n; ++four) {
    __m512 inputs[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) inputs[r] = _mm512_broadcast_f32x4(_mm_loadu_ps(x + r * a.s.c + four * 4));
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const int64_t at = (v * n + four) * 2 + half;
        const __m512i pick = _mm512_srlv_epi32(_mm512_set1_epi32(static_cast<int>(place[at])), shifts);  // vpermilps looks at two bits of a lane
        const __m512 number = _mm512_load_ps(w + at * 16);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sum[r][v][half] = _mm512_fmadd_ps(_mm512_permutevar_ps(inputs[r], pick), number, sum[r][v][half]);
      }
  }
  alignas(64) float sums[R * V * 16];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) _mm512_store_ps(sums + (r * V + v) * 16, _mm512_add_ps(sum[r][v][0], sum[r][v][1]));
  finish_rows<StoredZmm>({a.bias, a.residual, a.y, a.s.oc, a.activation, a.lo, a.hi}, sums, V * 16, R, row, panel * 16);
}

__attribute__((cold)) void run(const ConvF32& a, const void* packed, int64_t begin, int64_t end, void*) {
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t first = tile * kTogether, last = min64(panels_of(a), first + kTogether);
    int64_t row = 0, left = rows_of(a);
    for (; last - first == kTogether && left >= 4; row += 4, left -= 4) block<4, 2>(a, packed, row, first), block<4, 2>(a, packed, row, first + 2);
    for (; last - first == kTogether && left > 0; ++row, --left) block<1, 4>(a, packed, row, first);
    for (; left > 0; ++row, --left)
      for (int64_t panel = first; panel < last; ++panel) block<1, 1>(a, packed, row, panel);
  }
}

}  // namespace

TiledKernel<ConvF32> conv_f32_two_four_avx512() {
  return {.accepts = accepts, .tiles = tiles, .pack_bytes = pack_bytes, .pack = pack, .run = run, .name = "two_four_f32_avx512"};
}

}  // namespace fastc::rt
