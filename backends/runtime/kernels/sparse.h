// y = x · w for a weight of which only some columns of each panel are there (SparseF32): 16 output channels by one input, and the input's index.
// A block costs one load of weights and one multiply-add a row, as in the dense kernel; blocks that are not there cost nothing. A tile is
// one panel × kRows rows, rows fastest: the panel's blocks stay in the first cache while the rows go by.
// I is stored.h's trait.
#pragma once

#include "finish_rows.h"
#include "tiling.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

template <class I>
struct Sparse {
  using T = typename I::T;
  static constexpr int64_t kLanes = I::kLanes, kRows = 64;
  static constexpr int U = static_cast<int>(16 / kLanes);

  static bool accepts(const SparseF32& a) { return a.rows > 0 && a.oc > 0; }
  static int64_t row_blocks(const SparseF32& a) { return ceil_div(a.rows, kRows); }
  static int64_t tiles(const SparseF32& a) { return ceil_div(a.oc, 16) * row_blocks(a); }
  static size_t scratch(const SparseF32&) { return 0; }

  // `cold`, as in stored.h, asks for small code around the blocks.
  __attribute__((cold)) static void run(const SparseF32& a, const void*, int64_t begin, int64_t end, void*) {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t row = tile % row_blocks(a) * kRows;
      rows<I::kMostRows>(a, tile / row_blocks(a), row, min64(a.rows, row + kRows));
    }
  }

 private:
  template <int R>
  __attribute__((cold)) static void rows(const SparseF32& a, int64_t panel, int64_t row, int64_t end) {
    for (; end - row >= R; row += R) block<R>(a, panel, row);
    if constexpr (R > 1) {
      if (row < end) rows<1>(a, panel, row, end);
    }
  }

  // R rows; with few of them several sums each, so that one multiply-add does not wait for the one before.
  template <int R>
  __attribute__((noinline, hot)) static void block(const SparseF32& a, int64_t panel, int64_t row) {
    constexpr int S = R * U >= 8 ? 1 : R * U >= 4 ? 2 : 4;
    T sum[S][R][U];
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s)
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
        for (int u = 0; u < U; ++u) sum[s][r][u] = I::set(0);
    const int32_t* input = a.inputs + a.starts[panel];
    const float* w = a.values + int64_t{a.starts[panel]} * 16;
    const float* x = a.x + row * a.k;
    int64_t left = a.starts[panel + 1] - a.starts[panel];
    for (; left >= S; left -= S, input += S, w += S * 16) {
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) step<R>(x + input[s], a.k, w + s * 16, sum[s]);
    }
    for (; left > 0; --left, ++input, w += 16) step<R>(x + *input, a.k, w, sum[0]);
    alignas(64) float sums[R * 16];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) {
        T total = sum[0][r][u];
        for (int s = 1; s < S; ++s) total = I::add(total, sum[s][r][u]);
        I::store(sums + r * 16 + u * kLanes, total, kLanes);
      }
    finish_rows<I>(rows_end(a), sums, 16, R, row, panel * 16);
  }

  template <int R>
  static void step(const float* x, int64_t stride, const float* w, T (&sum)[R][U]) {
    T wide[U];
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) wide[u] = I::load(w + u * kLanes, kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const T v = I::set(x[r * stride]);
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) sum[r][u] = I::fma(v, wide[u], sum[r][u]);
    }
  }
};

template <class I>
constexpr TiledKernel<SparseF32> sparse_candidate(const char* name) {
  using S = Sparse<I>;
  TiledKernel<SparseF32> k{};
  k.accepts = S::accepts;
  k.tiles = S::tiles;
  k.scratch = S::scratch;
  k.run = S::run;
  k.name = name;
  return k;
}

}  // namespace
}  // namespace fastc::rt
