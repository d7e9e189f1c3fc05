// y = x · real(w) for weights kept as int8, int4, f16 or bf16 (StoredF32). Few rows (a network answering one request) wait for the weights: they
// are decoded in registers, right where they are multiplied, so that memory moves a half, a quarter or an eighth of the bytes. Many
// rows wait for the arithmetic: 64 channels are decoded once into scratch and the fp32 micro-kernel runs over them.
// Scaled integers are summed as they are, group by group, and each group's sum is scaled once.
//
// D is conv_direct.h's trait for floats. I adds to vector_math.h's trait: kMostRows, clamped, activate, and the decoders s8, f16, bf16 (kLanes numbers at p)
// and s4 (kLanes bytes at p: the low nibbles' numbers, then the high ones').
#pragma once

#include "conv_direct.h"
#include "finish_rows.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

// Bytes of 16 numbers of one input, or of two inputs for int4, and what lies at lane `lane` of inputs k and k + 1.
struct CodeS8 {
  static constexpr int64_t kPair = 32;
  template <class I> static void two(const uint8_t* p, int64_t lane, typename I::T& a, typename I::T& b) { a = I::s8(p + lane), b = I::s8(p + 16 + lane); }
  template <class I> static typename I::T one(const uint8_t* p, int64_t lane) { return I::s8(p + lane); }
  static constexpr int64_t panel_bytes(int64_t k) { return k * 16; }
};
struct CodeS4 {
  static constexpr int64_t kPair = 16;
  template <class I> static void two(const uint8_t* p, int64_t lane, typename I::T& a, typename I::T& b) { I::s4(p + lane, a, b); }
  template <class I> static typename I::T one(const uint8_t* p, int64_t lane) {
    typename I::T a, missing;
    I::s4(p + lane, a, missing);
    return a;
  }
  static constexpr int64_t panel_bytes(int64_t k) { return (k + 1) / 2 * 16; }
};
struct CodeF16 {
  static constexpr int64_t kPair = 64;
  template <class I> static void two(const uint8_t* p, int64_t lane, typename I::T& a, typename I::T& b) { a = I::f16(p + 2 * lane), b = I::f16(p + 32 + 2 * lane); }
  template <class I> static typename I::T one(const uint8_t* p, int64_t lane) { return I::f16(p + 2 * lane); }
  static constexpr int64_t panel_bytes(int64_t k) { return k * 32; }
};
struct CodeBF16 {
  static constexpr int64_t kPair = 64;
  template <class I> static void two(const uint8_t* p, int64_t lane, typename I::T& a, typename I::T& b) { a = I::bf16(p + 2 * lane), b = I::bf16(p + 32 + 2 * lane); }
  template <class I> static typename I::T one(const uint8_t* p, int64_t lane) { return I::bf16(p + 2 * lane); }
  static constexpr int64_t panel_bytes(int64_t k) { return k * 32; }
};

template <class D, class I>
struct Stored {
  using T = typename I::T;
  static constexpr int64_t kColumns = 64, kLanes = I::kLanes, kHalves = 16 / kLanes;

  static bool few(const StoredF32& a) { return a.rows <= I::kMostRows; }
  static int64_t column_blocks(const StoredF32& a) { return ceil_div(a.oc, kColumns); }
  static int64_t row_blocks(const StoredF32& a) { return few(a) ? 1 : ceil_div(a.rows, D::kFlatRow); }
  static int64_t groups(const StoredF32& a) { return ceil_div(a.k, a.group); }

  static bool accepts(const StoredF32& a) { return a.rows > 0 && a.k > 0 && a.oc > 0; }
  static int64_t tiles(const StoredF32& a) { return column_blocks(a) * row_blocks(a); }
  static size_t scratch(const StoredF32& a) { return few(a) ? 0 : static_cast<size_t>(kColumns * a.k * 4 + 64); }

  static void run(const StoredF32& a, const void*, int64_t begin, int64_t end, void* scratch) {
    switch (a.form) {
      case StoredForm::kS8: return run_as<CodeS8>(a, begin, end, scratch);
      case StoredForm::kS4: return run_as<CodeS4>(a, begin, end, scratch);
      case StoredForm::kF16: return run_as<CodeF16>(a, begin, end, scratch);
      case StoredForm::kBF16: return run_as<CodeBF16>(a, begin, end, scratch);
    }
  }

 private:
  // `cold` asks for small code in what runs once a tile or a panel, and leaves the blocks below as fast as they can be: four codes on two instruction
  // sets would cost four times the kilobytes.
  template <class Code>
  __attribute__((cold)) static void run_as(const StoredF32& a, int64_t begin, int64_t end, void* scratch) {
    int64_t decoded = -1;  // tiles go through the rows first, so a range of them decodes a stretch of columns once
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t block = tile / row_blocks(a), panel = block * (kColumns / 16);
      const int64_t panels = min64(kColumns / 16, ceil_div(a.oc, 16) - panel);
      if (few(a)) {
        few_rows<Code, I::kMostRows>(a, 0, panel, panels);
        continue;
      }
      float* out = align64<float>(scratch);
      if (decoded != block)
        for (int64_t p = 0; p < panels; ++p) decode<Code>(a, panel + p, out + p * a.k * 16);
      decoded = block;
      many_rows(a, out, tile % row_blocks(a) * D::kFlatRow, panel * 16);
    }
  }

  __attribute__((noinline, cold)) static void many_rows(const StoredF32& a, const float* panels, int64_t row, int64_t column) {
    const int64_t rows = min64(D::kFlatRow, a.rows - row), columns = min64(kColumns, a.oc - column), at = row * a.oc + column;
    ConvF32 c{{1, 1, rows, a.k, 1, rows, columns, 1, 1, 1, 1, 0, 0, 1, 1, 1}, a.x + row * a.k, panels, a.bias ? a.bias + column : nullptr,
              a.residual ? a.residual + at : nullptr, a.y + at, a.activation, a.lo, a.hi};
    const Tiling t = make_tiling(c.s, DirectConv<D>::kRules);
    c.s.oc = a.oc;  // the distance between rows of y; the tiling knows how many columns there are
    const int64_t offset = 0;
    DirectConv<D>::run_segment(c, t, {0, 0, 0, 0, t.rows}, &offset, panels, nullptr);
  }

  template <class Code>
  __attribute__((noinline, cold)) static void decode(const StoredF32& a, int64_t panel, float* out) {
    const auto* p = static_cast<const uint8_t*>(a.w) + panel * Code::panel_bytes(a.k);
    for (int64_t g = 0, k = 0; k < a.k; ++g) {
      const float* scale = a.scales == nullptr ? nullptr : a.scales + (panel * groups(a) + g) * 16;
      const int64_t last = min64(a.k, k + a.group);
      for (; k < last; k += 2, p += Code::kPair) {
        for (int64_t lane = 0; lane < 16; lane += kLanes) {
          const T s = scale == nullptr ? I::set(1) : I::load(scale + lane, kLanes);
          T even, odd;
          if (k + 1 == a.k) {
            I::store(out + k * 16 + lane, I::mul(Code::template one<I>(p, lane), s), kLanes);
            continue;
          }
          Code::template two<I>(p, lane, even, odd);
          I::store(out + k * 16 + lane, I::mul(even, s), kLanes);
          I::store(out + k * 16 + 16 + lane, I::mul(odd, s), kLanes);
        }
      }
      k = last;
    }
  }

  // R rows at a time, then the rest one by one. One row alone takes four panels at once, for as many sums that do not wait for each other;
  // more shapes would each cost kilobytes.
  template <class Code, int R>
  __attribute__((cold)) static void few_rows(const StoredF32& a, int64_t row, int64_t panel, int64_t panels) {
    constexpr int V = R == 1 && kHalves == 1 ? 4 : 1;
    for (; a.rows - row >= R; row += R) {
      int64_t p = 0;
      if constexpr (V > 1)
        for (; p + V <= panels; p += V) block<Code, R, V>(a, row, panel + p);
      for (; p < panels; ++p) block<Code, R, 1>(a, row, panel + p);
    }
    if constexpr (R > 1) {
      if (row < a.rows) few_rows<Code, 1>(a, row, panel, panels);
    }
  }

  // R rows × V panels.
  template <class Code, int R, int V>
  __attribute__((noinline, hot)) static void block(const StoredF32& a, int64_t row, int64_t panel) {
    constexpr int U = V * static_cast<int>(kHalves), S = R == 1 ? 2 : 1;  // one row alone needs a second sum to hide the latency
    T total[R][U];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int u = 0; u < U; ++u) total[r][u] = I::set(0);
    const int64_t stride = Code::panel_bytes(a.k);
    const uint8_t* p = static_cast<const uint8_t*>(a.w) + panel * stride;
    const float* x = a.x + row * a.k;
    for (int64_t g = 0, k = 0; k < a.k; ++g) {
      T part[S][R][U];
#pragma GCC unroll 2
      for (int s = 0; s < S; ++s)
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
          for (int u = 0; u < U; ++u) part[s][r][u] = I::set(0);
      const int64_t last = min64(a.k, k + a.group);
      for (; k + 2 <= last; k += 2, p += Code::kPair) {
#pragma GCC unroll 8
        for (int u = 0; u < U; ++u) {
          T even, odd;
          Code::template two<I>(p + u / kHalves * stride, u % kHalves * kLanes, even, odd);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
            part[0][r][u] = I::fma(I::set(x[r * a.k + k]), even, part[0][r][u]);
            part[S - 1][r][u] = I::fma(I::set(x[r * a.k + k + 1]), odd, part[S - 1][r][u]);
          }
        }
      }
      if (k < last) {
#pragma GCC unroll 8
        for (int u = 0; u < U; ++u) {
          const T even = Code::template one<I>(p + u / kHalves * stride, u % kHalves * kLanes);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) part[0][r][u] = I::fma(I::set(x[r * a.k + k]), even, part[0][r][u]);
        }
        ++k;
      }
#pragma GCC unroll 8
      for (int u = 0; u < U; ++u) {
        const T scale = a.scales == nullptr ? I::set(1) : I::load(a.scales + ((panel + u / kHalves) * groups(a) + g) * 16 + u % kHalves * kLanes, kLanes);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) total[r][u] = I::fma(S == 2 ? I::add(part[0][r][u], part[S - 1][r][u]) : part[0][r][u], scale, total[r][u]);
      }
    }
    alignas(64) float sums[R * U * kLanes];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int u = 0; u < U; ++u) I::store(sums + (r * U + u) * kLanes, total[r][u], kLanes);
    finish_rows<I>(rows_end(a), sums, U * kLanes, R, row, panel * 16);
  }
};

template <class D, class I>
constexpr TiledKernel<StoredF32> stored_candidate(const char* name) {
  using S = Stored<D, I>;
  TiledKernel<StoredF32> k{};
  k.accepts = S::accepts;
  k.tiles = S::tiles;
  k.scratch = S::scratch;
  k.run = S::run;
  k.name = name;
  return k;
}

}  // namespace
}  // namespace fastc::rt
