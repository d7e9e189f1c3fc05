// Depthwise convolution (groups == channels == outputs), weights [kh·kw][ceil(C/16)·16]: a block of P output pixels × one vector of
// channels, over all taps. The trait D is a smaller one than conv_direct.h's:
//
//   X, W, Args, Vec, Wide, Copy, padding(args)
//   kLanes               channels of a vector
//   kMostPixels
//   weights(w)           kLanes weights; the packing pads them
//   lanes(n)             the first n lanes, as step takes them
//   step<full>(acc, x, w, lanes)  acc += x·w
//   finish<P>(args, acc, pixel, channel, n)
//   activate(args, pixel, pixels)  activations that need a function, over finished rows
#pragma once

#include <utility>

#include "tiling.h"

namespace fastc::rt {
namespace {

template <class D>
struct Depthwise {
  using Args = typename D::Args;
  using X = typename D::X;
  static constexpr TilingRules kRules{1, sizeof(X), false, 1, 192 << 10};

  struct Block {
    const X* x;
    const typename D::W* w;
    const int64_t* offsets;
    const Args* args;
    int64_t taps, step, w_step, pixel, channel, channels;
  };
  using BlockFn = void (*)(const Block&);

  template <int P, bool kFull>
  static void block(const Block& b) {
    typename D::Vec acc[P];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) acc[p] = D::zero();
    const auto lanes = D::lanes(b.channels);
    const int64_t step = b.step, step3 = 3 * b.step;
    for (int64_t t = 0; t < b.taps; ++t) {
      const auto w = D::weights(b.w + t * b.w_step);
      const X* base[(P + 3) / 4];
#pragma GCC unroll 4
      for (int i = 0; i < (P + 3) / 4; ++i) {
        base[i] = b.x + b.offsets[t] + 4 * i * step;
        keep_in_register(base[i]);
      }
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        const int64_t off = p % 4 == 0 ? 0 : p % 4 == 1 ? step : p % 4 == 2 ? 2 * step : step3;
        D::template step<kFull>(acc[p], base[p / 4] + off, w, lanes);
      }
    }
    D::template finish<P>(*b.args, acc, b.pixel, b.channel, b.channels);
  }
  template <int... P>
  static BlockFn block_fn(int64_t p, bool full, std::integer_sequence<int, P...>) {
    static constexpr BlockFn kFull[] = {&block<P + 1, true>...}, kTail[] = {&block<P + 1, false>...};
    return (full ? kFull : kTail)[p - 1];
  }

  // The tiling sees an ordinary convolution of all channels; a tile is a row of all of them.
  static Tiling tiling(const ConvShape& s) {
    ConvShape whole = s;
    whole.groups = 1;
    return make_tiling(whole, kRules);
  }
  static bool accepts(const Args& a) {
    const ConvShape& s = a.s;
    return s.groups > 1 && s.groups == s.c && s.groups == s.oc && s.kh * s.kw > 1 && s.kh * s.kw <= kMaxRuns && s.n > 0 &&
           s.oh > 0 && s.ow > 0;
  }
  static int64_t tiles(const Args& a) { return a.s.n * a.s.oh; }
  static size_t scratch(const Args& a) { return row_buffer_bytes(a.s, tiling(a.s), kRules); }

  static void run(const Args& a, const void*, int64_t begin, int64_t end, void* scratch) {
    const ConvShape& s = a.s;
    const Tiling t = tiling(s);
    const int64_t row = t.copy ? t.row_elements : s.w * s.c;
    int64_t offsets[kMaxRuns];
    for (int64_t i = 0; i < s.kh * s.kw; ++i) offsets[i] = i / s.kw * s.dil_h * row + i % s.kw * s.dil_w * s.c;
    X* buffer = align64<X>(scratch);
    while (begin < end) {
      Segment g{};
      g.image = begin / s.oh;
      g.row0 = begin % s.oh;
      g.row1 = min64(min64(s.oh, g.row0 + end - begin), g.row0 + t.max_rows);
      if (t.copy) copy_rows<typename D::Copy>(s, t, g, a.x, buffer, D::padding(a));
      const X* x = t.copy ? buffer : a.x + (g.image * s.h + g.row0 * s.stride_h) * row;
      run_rows(a, x, s.stride_h * row, offsets, (g.image * s.oh + g.row0) * s.ow, g.row1 - g.row0);
      D::activate(a, (g.image * s.oh + g.row0) * s.ow, (g.row1 - g.row0) * s.ow);
      begin += g.row1 - g.row0;
    }
  }

 private:
  // Block by block, rows inside: the input rows under a block stay in L1 from one output row to the next.
  static void run_rows(const Args& a, const X* x, int64_t x_row, const int64_t* offsets, int64_t pixel, int64_t rows) {
    const ConvShape& s = a.s;
    const int64_t blocks = ceil_div(s.ow, D::kMostPixels), padded = ceil_div(s.c, 16) * 16;
    for (int64_t i = 0, first = 0; i < blocks; ++i) {
      const int64_t p = s.ow / blocks + (i < s.ow % blocks ? 1 : 0);
      const BlockFn full = block_fn(p, true, std::make_integer_sequence<int, D::kMostPixels>{});
      const BlockFn tail = block_fn(p, false, std::make_integer_sequence<int, D::kMostPixels>{});
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < s.c; c += D::kLanes)
          (s.c - c >= D::kLanes ? full : tail)({x + r * x_row + first * s.stride_w * s.c + c, a.w + c, offsets, &a, s.kh * s.kw, s.stride_w * s.c, padded,
              pixel + r * s.ow + first, c, min64(D::kLanes, s.c - c)});
      first += p;
    }
  }
};

template <class D>
constexpr TiledKernel<typename D::Args> depthwise_candidate(const char* name) {
  using C = Depthwise<D>;
  TiledKernel<typename D::Args> k{};
  k.accepts = C::accepts;
  k.tiles = C::tiles;
  k.scratch = C::scratch;
  k.run = C::run;
  k.name = name;
  return k;
}

}  // namespace
}  // namespace fastc::rt
