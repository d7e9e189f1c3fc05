// Direct convolution over panels: one register-blocked micro-kernel of P pixels × V units of output channels, and the loops
// around it. The instruction set comes in as a trait D:
//
//   X, W, Args          element of the row buffer, of the weights, and ConvF32 or ConvS8
//   Vec                 one accumulator, holding kUnit output channels
//   kGroup              k values a step consumes (f32 1, s8 4)
//   kUnit, kUnitStep    channels of a unit; W elements from one unit to the next inside a panel's k group
//   most_pixels(V)      how many pixels fit the registers beside V units
//   weights(w)          loads a unit's weights of one k group
//   step<V>(acc, x, w)  one pixel's k group times those of V units, added to its accumulators
//   kChunkBytes         > 0: K is cut so that the weights of a step stay in L1, partial sums wait in y (f32 only)
//   load, store_partial  V accumulators of one pixel from and to y, between k chunks
//   finish              the epilogue of a block: bias, scale, residual, activation, store
//   after               what is left to do when a segment is complete (activations that need a function)
//   Copy, padding       copy(src, dst, n) and fill(dst, n, value) for the row buffer, and what padding reads
//   kOpsPerDot, kOpsPerWeights, kLatency  half cycles, for the choice of P and V
#pragma once

#include <array>
#include <utility>

#include "tiling.h"

namespace fastc::rt {
namespace {

template <class D>
struct Micro {
  const typename D::X* x;
  int64_t x_step;
  const typename D::W* w;
  int64_t panel_stride;
  const int64_t* offsets;
  int64_t runs, groups;         // groups: k groups of each run
  const typename D::Args* args;
  int64_t pixel, channel, channels;  // first output pixel, first output channel, how many of them are real
  bool first, last;             // of the k chunks
};

// Pixels are addressed from one base pointer per four of them ([b], [b + s], [b + 2s], [b + 3s]), so that few registers hold all
// addresses. keep_in_register hides where a base comes from: GCC would otherwise make a pointer for every pixel and spill most of them.
template <class D, int P, int V>
void micro_kernel(const Micro<D>& m) {
  constexpr int kBases = (P + 3) / 4;
  constexpr int kPerPanel = 16 / D::kUnit;
  typename D::Vec acc[P][V];
  if (D::kChunkBytes > 0 && !m.first) {
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p) D::template load<V>(*m.args, acc[p], m.pixel + p, m.channel, m.channels);
  } else {
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[p][v] = D::zero();
  }
  const int64_t step = m.x_step, step3 = 3 * m.x_step, panel = m.panel_stride;
  const typename D::W* w = m.w;
  for (int64_t r = 0; r < m.runs; ++r) {
    const typename D::X* base[kBases];
#pragma GCC unroll 8
    for (int i = 0; i < kBases; ++i) base[i] = m.x + m.offsets[r] + 4 * i * step;
    const auto k_group = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (int i = 0; i < kBases; ++i) keep_in_register(base[i]);
      typename D::Wide wide[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) wide[v] = D::weights(w + (v / kPerPanel) * panel + (v % kPerPanel) * D::kUnitStep);
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) {
        const int64_t off = p % 4 == 0 ? 0 : p % 4 == 1 ? step : p % 4 == 2 ? 2 * step : step3;
        D::template step<V>(acc[p], base[p / 4] + off, wide);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kBases; ++i) base[i] += D::kGroup;
      w += D::kGroup * 16;
    };
    // Eight multiplications a step hide the loop; four copies of every large shape would be an eighth of the library.
    if constexpr (P * V < 8) {
#pragma GCC unroll 4
      for (int64_t k = m.groups; k > 0; --k) k_group();
    } else {
#pragma GCC unroll 2
      for (int64_t k = m.groups; k > 0; --k) k_group();
    }
  }
  if (D::kChunkBytes > 0 && !m.last) {
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p) D::template store_partial<V>(*m.args, acc[p], m.pixel + p, m.channel, m.channels);
  } else {
    D::template finish<P, V>(*m.args, acc, m.pixel, m.channel, m.channels);
  }
}

template <class D>
using MicroFn = void (*)(const Micro<D>&);

template <class D, int V, int... P>
constexpr void fill_micro(MicroFn<D>* row, std::integer_sequence<int, P...>) {
  ((row[P + 1] = &micro_kernel<D, P + 1, V>), ...);
}

template <class D>
struct MicroTable {
  MicroFn<D> fn[D::kMostUnits + 1][D::kMostPixels + 1]{};
  template <int V>
  constexpr void add() {
    if constexpr (V <= D::kMostUnits) {
      if constexpr (D::most_pixels(V) > 0) fill_micro<D, V>(fn[V], std::make_integer_sequence<int, D::most_pixels(V)>{});
      add<V + 1>();
    }
  }
  constexpr MicroTable() { add<1>(); }
};

// Estimated cycles for one k group of a row of `width` pixels and `units` units, V at a time: the busier of arithmetic, loads and the
// latency of the accumulators, in half cycles (two of each start in a cycle).
template <class D>
constexpr int64_t block_cost(int64_t pixels, int64_t units) {
  const int64_t arithmetic = pixels * units * D::kOpsPerDot + units * D::kOpsPerWeights, loads = pixels + units;
  return max64(max64(arithmetic, loads), D::kLatency) + 1;
}
template <class D>
constexpr int64_t row_cost(int64_t width, int64_t v) {
  const int64_t blocks = ceil_div(width, D::most_pixels(static_cast<int>(v))), small = width / blocks, large = width % blocks;
  return large * block_cost<D>(small + 1, v) + (blocks - large) * block_cost<D>(small, v);
}
template <class D>
constexpr int64_t best_units(int64_t width, int64_t units) {
  int64_t best = 1, best_cost = INT64_MAX;
  for (int64_t v = 1; v <= min64(units, D::kMostUnits); ++v) {
    constexpr int64_t kPerPanel = 16 / D::kUnit;
    if (kPerPanel % v != 0 && v % kPerPanel != 0 && v != units) continue;  // a set starts where its panel starts, or inside one
    if (D::most_pixels(static_cast<int>(v)) == 0) continue;
    const int64_t rest = units % v;
    if (rest != 0 && D::most_pixels(static_cast<int>(rest)) == 0) continue;
    const int64_t cost = units / v * row_cost<D>(width, v) + (rest != 0 ? row_cost<D>(width, rest) : 0);
    if (cost <= best_cost) best = v, best_cost = cost;
  }
  return best;
}

// One row (a step of a recurrent layer, a classifier at batch 1) would be over before the choice is made: it is made at compile time.
constexpr int64_t kUnitsInTable = 16;
template <class D>
constexpr auto kUnitsOfOneRow = [] {
  std::array<int8_t, kUnitsInTable + 1> best{};
  for (int64_t units = 1; units <= kUnitsInTable; ++units) best[static_cast<size_t>(units)] = static_cast<int8_t>(best_units<D>(1, units));
  return best;
}();
template <class D>
int64_t units_at_once(int64_t width, int64_t units) {
  return width == 1 && units <= kUnitsInTable ? kUnitsOfOneRow<D>[static_cast<size_t>(units)] : best_units<D>(width, units);
}

template <class D>
struct DirectConv {
  using Args = typename D::Args;
  static constexpr TilingRules kRules{D::kGroup, sizeof(typename D::X), D::kAlwaysCopy, D::kFlatRow};
  static inline constexpr MicroTable<D> kTable{};

  static bool accepts(const Args& a) {
    const ConvShape& s = a.s;
    if (s.oh <= 0 || s.ow <= 0 || s.n <= 0) return false;
    if (s.groups > 1 && s.groups == s.c && s.groups == s.oc) return false;  // the depthwise packing
    return make_tiling(s, kRules).runs <= kMaxRuns;
  }
  static int64_t tiles(const Args& a) { return tile_count(make_tiling(a.s, kRules)); }
  static size_t scratch(const Args& a) { return row_buffer_bytes(a.s, make_tiling(a.s, kRules), kRules); }

  static size_t pack_bytes(const Args& a) {
    const Tiling t = make_tiling(a.s, kRules);
    return t.repack ? static_cast<size_t>(t.groups * t.panels * t.panel_k * 16) * sizeof(typename D::W) : 0;
  }
  // The stored panels count k through; here every run begins a new k group, filled up with zeros.
  static void pack(const Args& a, void* packed) {
    const Tiling t = make_tiling(a.s, kRules);
    if (!t.repack) return;
    auto* out = static_cast<typename D::W*>(packed);
    const int64_t k_stored = ceil_div(t.runs * t.run_elements, D::kGroup) * D::kGroup;
    for (int64_t p = 0; p < t.groups * t.panels; ++p)
      for (int64_t r = 0; r < t.runs; ++r)
        for (int64_t e = 0; e < t.run_groups * D::kGroup; ++e)
          for (int64_t o = 0; o < 16; ++o) {
            const int64_t k = r * t.run_elements + e, kp = r * t.run_groups * D::kGroup + e;
            const auto* panel = a.w + p * k_stored * 16;
            out[p * t.panel_k * 16 + (kp / D::kGroup * 16 + o) * D::kGroup + kp % D::kGroup] =
                e < t.run_elements ? panel[(k / D::kGroup * 16 + o) * D::kGroup + k % D::kGroup] : 0;
          }
  }

  static void run(const Args& a, const void* packed, int64_t begin, int64_t end, void* scratch) {
    const Tiling t = make_tiling(a.s, kRules);
    int64_t offsets[kMaxRuns];
    fill_run_offsets(a.s, t, offsets);
    const auto* w = t.repack ? static_cast<const typename D::W*>(packed) : a.w;
    while (begin < end) {
      const Segment g = segment_at(t, begin, end);
      run_segment(a, t, g, offsets, w, t.copy ? align64<typename D::X>(scratch) : nullptr);
      begin += g.row1 - g.row0;
    }
  }

  // The rows of one segment, one chunk of output channels. `weights` are panels as t describes them.
  static void run_segment(const Args& a, const Tiling& t, const Segment& g, const int64_t* offsets,
                          const typename D::W* weights, typename D::X* buffer) {
    if (t.copy) copy_rows<typename D::Copy>(a.s, t, g, a.x, buffer, D::padding(a));
    const int64_t first_panel = g.chunk * t.chunk_panels;
    const int64_t channels = min64(t.chunk_panels * 16, t.ocg - first_panel * 16);
    const int64_t units = ceil_div(channels, D::kUnit), v = units_at_once<D>(t.width, units);
    for (int64_t u = 0; u < units; u += v) {
      Micro<D> m{};
      m.x_step = t.x_step;
      m.panel_stride = t.panel_k * 16;
      m.args = &a;
      m.channel = g.group * t.ocg + first_panel * 16 + u * D::kUnit;
      m.channels = min64(v * D::kUnit, channels - u * D::kUnit);
      const int64_t panel = g.group * t.panels + first_panel + u * D::kUnit / 16;
      m.w = weights + panel * m.panel_stride + u % (16 / D::kUnit) * D::kUnitStep;
      run_units(t, g, m, min64(v, units - u), offsets, buffer, a.s);
    }
    D::after(a, t, g, channels);
  }

 private:
  // All rows of the segment for one set of units, k chunk by k chunk.
  static void run_units(const Tiling& t, const Segment& g, Micro<D> m, int64_t v, const int64_t* offsets,
                        const typename D::X* buffer, const ConvShape& s) {
    const int64_t step_bytes = v * D::kUnit * D::kGroup * static_cast<int64_t>(sizeof(typename D::W));
    const int64_t limit = D::kChunkBytes > 0 ? max64(16, D::kChunkBytes / step_bytes) : INT64_MAX;
    const int64_t run_part = min64(t.run_groups, limit);                      // k groups of a run in one chunk
    const int64_t run_count = max64(1, min64(t.runs, limit / max64(1, t.run_groups)));
    for (int64_t r = 0; r < t.runs; r += run_count) {
      m.runs = min64(run_count, t.runs - r);
      for (int64_t k = 0; k < t.run_groups; k += run_part) {
        m.groups = min64(run_part, t.run_groups - k);
        m.first = r == 0 && k == 0;
        m.last = r + m.runs == t.runs && k + m.groups == t.run_groups;
        Micro<D> c = m;
        c.w = m.w + (r * t.run_groups + k) * D::kGroup * 16;
        c.offsets = offsets + r;
        for (int64_t row = g.row0; row < g.row1; ++row) {
          c.x = row_start(t, g, row, buffer, s, static_cast<const typename D::X*>(D::direct(*m.args))) + k * D::kGroup;
          run_row(c, v, row_width(t, row), first_pixel(t, g.image, row));
        }
      }
    }
  }

  static const typename D::X* row_start(const Tiling& t, const Segment& g, int64_t row, const typename D::X* buffer,
                                        const ConvShape& s, const typename D::X* x) {
    const int64_t local = row - g.row0;
    if (t.copy) return buffer + local * (t.flat || t.dense_copy ? 1 : s.stride_h) * t.row_elements;
    if (t.flat) return x + row * t.width * s.c + g.group * t.cg;
    return x + (g.image * s.h + row * s.stride_h) * s.w * s.c + g.group * t.cg;
  }

  static void run_row(Micro<D>& m, int64_t v, int64_t width, int64_t pixel) {
    const int64_t blocks = ceil_div(width, D::most_pixels(static_cast<int>(v)));
    const int64_t small = width / blocks, large = width % blocks;
    const auto* x = m.x;
    m.pixel = pixel;
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t p = small + (b < large ? 1 : 0);
      kTable.fn[v][p](m);
      m.x += p * m.x_step;
      m.pixel += p;
    }
    m.x = x;
  }
};

// One candidate of a KernelTable.
template <class D>
constexpr TiledKernel<typename D::Args> direct_candidate(const char* name) {
  using C = DirectConv<D>;
  TiledKernel<typename D::Args> k{};
  k.accepts = C::accepts;
  k.tiles = C::tiles;
  k.scratch = C::scratch;
  k.pack_bytes = C::pack_bytes;
  k.pack = C::pack;
  k.run = C::run;
  k.name = name;
  return k;
}

}  // namespace
}  // namespace fastc::rt
