// The matrix products of Winograd: for each ξ, a block of P tiles × V units of output channels over all input channels. One call does
// every ξ, so that its cost is paid once a block.
//
// Everything is counted in words of 32 bits: two s16 channels, or one f32. Multiply::add(acc, x, w) does one word in each of 16 lanes:
// s16: acc_i32[l] += x[2l]·w[2l] + x[2l+1]·w[2l+1] modulo 2^32 (vpmaddwd and an addition, or vpdpwssd); f32: acc[l] += x[l]·w[l].
#pragma once

#include <utility>

#include "avx512_common.h"

namespace fastc::rt {
namespace {

struct Product {
  const int32_t* v;      // v[ξ][tile][words], at the first tile of the block
  const int32_t* w;      // first unit's weights: [ξ][words][16], half units [ξ][words/2][8][2]
  int32_t* out;          // [tile of the block][unit][ξ][16]
  int64_t words;         // input channels
  int64_t v_step, w_unit, out_tile;  // words from ξ to ξ+1, from a unit to the next, from a tile to the next
  int points;            // kIn²
};

// Wholly unrolled where the number of channels is known. Where it is not, twice: P·V multiplications a step hide the loop, and
// eight copies of every shape would be a fifth of the library.
template <int K, int kStep, class Step>
inline __attribute__((always_inline)) void over_words(int64_t words, const Step& step) {
  if constexpr (K > 0) {
#pragma GCC unroll 8
    for (int64_t k = 0; k < K; k += kStep) step(k);
  } else {
#pragma GCC unroll 2
    for (int64_t k = 0; k < words; k += kStep) step(k);
  }
}

// K: the number of words where it is known when compiling (few of them: the loop over k would cost as much as its body), or 0.
template <class Multiply, int P, int V, int K>
void multiply_full(const Product& m) {
  const int64_t n = K > 0 ? K : m.words, n3 = 3 * n;
  for (int xi = 0; xi < m.points; ++xi) {
    const int32_t* v = m.v + xi * m.v_step;
    const int32_t* w = m.w + xi * n * 16;
    __m512i acc[P][V];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int u = 0; u < V; ++u) acc[p][u] = _mm512_setzero_si512();
    const int32_t* base[(P + 3) / 4];
#pragma GCC unroll 4
    for (int i = 0; i < (P + 3) / 4; ++i) base[i] = v + 4 * i * n;
    const auto step = [&](int64_t k) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) keep_in_register(base[i]);
      __m512i weights[V];
#pragma GCC unroll 4
      for (int u = 0; u < V; ++u) weights[u] = _mm512_load_si512(w + u * m.w_unit + k * 16);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        const __m512i x = _mm512_set1_epi32(base[p / 4][p % 4 == 3 ? n3 : p % 4 * n]);
#pragma GCC unroll 4
        for (int u = 0; u < V; ++u) Multiply::add(acc[p][u], x, weights[u]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) ++base[i];
    };
    over_words<K, 1>(n, step);
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int u = 0; u < V; ++u) _mm512_store_si512(m.out + p * m.out_tile + (u * m.points + xi) * 16, acc[p][u]);
  }
}

// Two tiles share a stored register; out_tile is from a pair to the next.
template <class Multiply, int P, int K>
void multiply_half(const Product& m) {
  const int64_t n = K > 0 ? K : m.words, n3 = 3 * n;
  for (int xi = 0; xi < m.points; ++xi) {
    const int32_t* v = m.v + xi * m.v_step;
    const int32_t* w = m.w + xi * n * 8;
    __m512i acc[P];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) acc[p] = _mm512_setzero_si512();
    const int32_t* base[(P + 3) / 4];
#pragma GCC unroll 4
    for (int i = 0; i < (P + 3) / 4; ++i) base[i] = v + 4 * i * n;
    const auto step = [&](int64_t k) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) keep_in_register(base[i]);
      const __m512i weights = _mm512_load_si512(w + k * 8);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        int64_t two;
        std::memcpy(&two, base[p / 4] + (p % 4 == 3 ? n3 : p % 4 * n), 8);
        Multiply::add(acc[p], _mm512_set1_epi64(two), weights);
      }
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) base[i] += 2;
    };
    over_words<K, 2>(n, step);
#pragma GCC unroll 8
    for (int p = 0; p < P; p += 2)
      _mm512_store_si512(m.out + p / 2 * m.out_tile + xi * 16, join_pairs(acc[p], acc[p + 1 < P ? p + 1 : p]));
  }
}

using MultiplyFn = void (*)(const Product&);
constexpr int kMostTiles[] = {0, 16, 12, 8, 6};  // by units: what fits the registers
// With few channels, weights and tiles fit L1 together only if the products of a block, 2.3 KB a tile and unit (F4), are few as well:
// one unit, and so many tiles.
constexpr int64_t kFewWords = 8, kFewTiles = 4;

template <class Multiply>
struct MultiplyTable {
  MultiplyFn full[5][17]{}, half[17]{};                                    // [units][tiles]
  MultiplyFn few[2][kFewTiles + 1]{}, few_half[2][2 * kFewTiles + 1]{};    // of 4 words, of 8
  template <int V, int... P>
  constexpr void add(std::integer_sequence<int, P...>) {
    ((full[V][P + 1] = &multiply_full<Multiply, P + 1, V, 0>), ...);
  }
  template <int K, int... P>
  constexpr void add_few(std::integer_sequence<int, P...>) {
    ((few[K / 4 - 1][P + 1] = &multiply_full<Multiply, P + 1, 1, K>), ...);
  }
  template <int... P>
  constexpr void add_half(std::integer_sequence<int, P...>) {
    ((half[P + 1] = &multiply_half<Multiply, P + 1, 0>), ...);
  }
  template <int K, int... P>
  constexpr void add_few_half(std::integer_sequence<int, P...>) {
    ((few_half[K / 4 - 1][P + 1] = &multiply_half<Multiply, P + 1, K>), ...);
  }
  constexpr MultiplyTable() {
    add<1>(std::make_integer_sequence<int, kMostTiles[1]>{});
    add<2>(std::make_integer_sequence<int, kMostTiles[2]>{});
    add<3>(std::make_integer_sequence<int, kMostTiles[3]>{});
    add<4>(std::make_integer_sequence<int, kMostTiles[4]>{});
    if constexpr (Multiply::kPairs) {
      add_half(std::make_integer_sequence<int, 16>{});
      add_few<4>(std::make_integer_sequence<int, kFewTiles>{});
      add_few<8>(std::make_integer_sequence<int, kFewTiles>{});
      add_few_half<4>(std::make_integer_sequence<int, 2 * kFewTiles>{});
      add_few_half<8>(std::make_integer_sequence<int, 2 * kFewTiles>{});
    }
  }
  // words: a multiple of 4. Only pairs of s16 have few words and half units.
  MultiplyFn of(int64_t words, int64_t units, int64_t tiles) const { return words <= kFewWords ? few[words / 4 - 1][tiles] : full[units][tiles]; }
  MultiplyFn half_of(int64_t words, int64_t tiles) const { return words <= kFewWords ? few_half[words / 4 - 1][tiles] : half[tiles]; }
};
template <class Multiply>
inline constexpr MultiplyTable<Multiply> kMultiply;

}  // namespace
}  // namespace fastc::rt
