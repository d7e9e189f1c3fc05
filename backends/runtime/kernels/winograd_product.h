// The matrix products of integer Winograd: for each ξ, a block of P tiles × V units of output channels over all input channels, pairs of
// s16 multiplied and added. One call does every ξ, so that its cost is paid once a block.
//
// Pairs::add(acc, x, w): acc_i32[l] += x[2l]·w[2l] + x[2l+1]·w[2l+1], modulo 2^32. vpmaddwd and an addition, or vpdpwssd in one.
#pragma once

#include <utility>

#include "avx512_common.h"

namespace fastc::rt {
namespace {

struct Product {
  const int16_t* v;      // v[ξ][tile][c], at the first tile of the block
  const int16_t* w;      // first unit's weights: [ξ][c/2][16][2], half units [ξ][c/4][8][4]
  int32_t* out;          // [tile of the block][unit][ξ][16]
  int64_t c, v_step, w_unit, out_tile;  // v_step: elements from ξ to ξ+1; w_unit: from a unit to the next; out_tile: from a tile to the next
  int points;            // kIn²
};

// Wholly unrolled where the number of channels is known. Where it is not, twice: P·V multiplications a step hide the loop, and
// eight copies of every shape would be a fifth of the library.
template <int C, int kStep, class Step>
inline __attribute__((always_inline)) void over_channels(int64_t c, const Step& step) {
  if constexpr (C > 0) {
#pragma GCC unroll 8
    for (int64_t k = 0; k < C; k += kStep) step(k);
  } else {
#pragma GCC unroll 2
    for (int64_t k = 0; k < c; k += kStep) step(k);
  }
}

// C: the number of channels where it is known when compiling (few channels: the loop over k would cost as much as its body), or 0.
template <class Pairs, int P, int V, int C>
void multiply_full(const Product& m) {
  const int64_t c = C > 0 ? C : m.c, c3 = 3 * c;
  for (int xi = 0; xi < m.points; ++xi) {
    const int16_t* v = m.v + xi * m.v_step;
    const int16_t* w = m.w + xi * c * 16;
    __m512i acc[P][V];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int u = 0; u < V; ++u) acc[p][u] = _mm512_setzero_si512();
    const int16_t* base[(P + 3) / 4];
#pragma GCC unroll 4
    for (int i = 0; i < (P + 3) / 4; ++i) base[i] = v + 4 * i * c;
    const auto step = [&](int64_t k) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) keep_in_register(base[i]);
      __m512i weights[V];
#pragma GCC unroll 4
      for (int u = 0; u < V; ++u) weights[u] = _mm512_load_si512(w + u * m.w_unit + k * 16);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        int32_t two;
        std::memcpy(&two, base[p / 4] + (p % 4 == 3 ? c3 : p % 4 * c), 4);
        const __m512i x = _mm512_set1_epi32(two);
#pragma GCC unroll 4
        for (int u = 0; u < V; ++u) Pairs::add(acc[p][u], x, weights[u]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) base[i] += 2;
    };
    over_channels<C, 2>(c, step);
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int u = 0; u < V; ++u) _mm512_store_si512(m.out + p * m.out_tile + (u * m.points + xi) * 16, acc[p][u]);
  }
}

// Two tiles share a stored register; out_tile is from a pair to the next.
template <class Pairs, int P, int C>
void multiply_half(const Product& m) {
  const int64_t c = C > 0 ? C : m.c, c3 = 3 * c;
  for (int xi = 0; xi < m.points; ++xi) {
    const int16_t* v = m.v + xi * m.v_step;
    const int16_t* w = m.w + xi * c * 8;
    __m512i acc[P];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) acc[p] = _mm512_setzero_si512();
    const int16_t* base[(P + 3) / 4];
#pragma GCC unroll 4
    for (int i = 0; i < (P + 3) / 4; ++i) base[i] = v + 4 * i * c;
    const auto step = [&](int64_t k) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) keep_in_register(base[i]);
      const __m512i weights = _mm512_load_si512(w + k * 8);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        int64_t four;
        std::memcpy(&four, base[p / 4] + (p % 4 == 3 ? c3 : p % 4 * c), 8);
        Pairs::add(acc[p], _mm512_set1_epi64(four), weights);
      }
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) base[i] += 4;
    };
    over_channels<C, 4>(c, step);
#pragma GCC unroll 8
    for (int p = 0; p < P; p += 2)
      _mm512_store_si512(m.out + p / 2 * m.out_tile + xi * 16, join_pairs(acc[p], acc[p + 1 < P ? p + 1 : p]));
  }
}

using MultiplyFn = void (*)(const Product&);
constexpr int kMostTiles[] = {0, 16, 12, 8, 6};  // by units: what fits the registers
// With few channels, weights and tiles fit L1 together only if the products of a block, 2.3 KB a tile and unit (F4), are few as well:
// one unit, and so many tiles.
constexpr int64_t kFewChannels = 16, kFewTiles = 4;

template <class Pairs>
struct MultiplyTable {
  MultiplyFn full[5][17]{}, half[17]{};                                    // [units][tiles]
  MultiplyFn few[2][kFewTiles + 1]{}, few_half[2][2 * kFewTiles + 1]{};    // C = 8, C = 16
  template <int V, int... P>
  constexpr void add(std::integer_sequence<int, P...>) {
    ((full[V][P + 1] = &multiply_full<Pairs, P + 1, V, 0>), ...);
  }
  template <int C, int... P>
  constexpr void add_few(std::integer_sequence<int, P...>) {
    ((few[C / 8 - 1][P + 1] = &multiply_full<Pairs, P + 1, 1, C>), ...);
  }
  template <int... P>
  constexpr void add_half(std::integer_sequence<int, P...>) {
    ((half[P + 1] = &multiply_half<Pairs, P + 1, 0>), ...);
  }
  template <int C, int... P>
  constexpr void add_few_half(std::integer_sequence<int, P...>) {
    ((few_half[C / 8 - 1][P + 1] = &multiply_half<Pairs, P + 1, C>), ...);
  }
  constexpr MultiplyTable() {
    add<1>(std::make_integer_sequence<int, kMostTiles[1]>{});
    add<2>(std::make_integer_sequence<int, kMostTiles[2]>{});
    add<3>(std::make_integer_sequence<int, kMostTiles[3]>{});
    add<4>(std::make_integer_sequence<int, kMostTiles[4]>{});
    add_half(std::make_integer_sequence<int, 16>{});
    add_few<8>(std::make_integer_sequence<int, kFewTiles>{});
    add_few<16>(std::make_integer_sequence<int, kFewTiles>{});
    add_few_half<8>(std::make_integer_sequence<int, 2 * kFewTiles>{});
    add_few_half<16>(std::make_integer_sequence<int, 2 * kFewTiles>{});
  }
  // c: a multiple of 8.
  MultiplyFn of(int64_t c, int64_t units, int64_t tiles) const { return c <= kFewChannels ? few[c / 8 - 1][tiles] : full[units][tiles]; }
  MultiplyFn half_of(int64_t c, int64_t tiles) const { return c <= kFewChannels ? few_half[c / 8 - 1][tiles] : half[tiles]; }
};
template <class Pairs>
inline constexpr MultiplyTable<Pairs> kMultiply;

}  // namespace
}  // namespace fastc::rt
