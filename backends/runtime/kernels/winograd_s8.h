// int8 3×3 stride-1 convolution by exact integer Winograd (winograd_transforms.h says why it is exact): 4× (F4) or 2.25× (F2) fewer
// multiplications than the direct kernel, and the same bytes come out.
//
// One step handles a few rows of tiles, small enough for the caches, of up to 64 output channels:
//   u8 rows ─vertical transform→ strip, split into kOut planes of every kOut-th pixel, so that the
//   ─horizontal transform→ is on contiguous memory whatever the channel count → v[ξ][tile][c] (s16);
//   then block by block of tiles and units:
//   ─one small matrix product per ξ→ product[tile][unit][ξ][16] (s32) ─output transform, requantize→ y
// Units are 16 output channels; a tail of up to 8 is a half unit, whose registers hold two tiles × 8 channels.
#pragma once

#include "winograd_product.h"
#include "winograd_transforms.h"

namespace fastc::rt {
namespace {

// F: Winograd2 or Winograd4 of winograd_transforms.h. Multiply: how pairs of s16 are multiplied and added (winograd_product.h), and where
// that pays against the other kernels of its instruction set.
template <class F, class Multiply>
struct Winograd {
  static constexpr int kPoints = F::kIn * F::kIn;
  static constexpr int64_t kChunkUnits = 4, kStepBytes = 192 << 10, kMostProducts = 24;  // the most registers of a block

  struct Shape {
    int64_t c, tx, ty;            // tiles in a row, rows of tiles
    int64_t units, chunks;        // units of the output channels; the last may be half
    bool half;
    int64_t step_rows;            // rows of tiles in a step
    int64_t strip, products;      // elements of the buffers
    int64_t w_unit;               // elements of a full unit's weights
  };
  static Shape shape_of(const ConvShape& s) {
    Shape g{};
    g.c = s.c;
    g.tx = ceil_div(s.ow, F::kOut);
    g.ty = ceil_div(s.oh, F::kOut);
    g.units = ceil_div(s.oc, 16);
    g.half = (s.oc - 1) % 16 < 8;
    g.chunks = ceil_div(g.units, kChunkUnits);
    const int64_t fit = max64(1, kStepBytes / (kPoints * g.c * 2 * g.tx)), wanted = max64(1, 8 / g.tx);
    g.step_rows = min64(g.ty, min64(fit, wanted));
    g.strip = F::kIn * F::kOut * (g.tx + 1) * g.c;
    g.products = kMostProducts * kPoints * 16;
    g.w_unit = kPoints * g.c * 16;
    return g;
  }

  // Σ|w|·255 of an output channel, the largest: what the division's exactness rests on.
  static bool sums_fit(const ConvS8& a) {
    if (9 * a.s.c * 255 * 128 < F::kSumLimit) return true;
    const int64_t groups = ceil_div(9 * a.s.c, 4);
    for (int64_t panel = 0; panel < ceil_div(a.s.oc, 16); ++panel) {
      int32_t sums[16] = {};
      for (int64_t g = 0; g < groups; ++g)
        for (int o = 0; o < 16; ++o)
          for (int j = 0; j < 4; ++j) {
            const int32_t w = a.w[((panel * groups + g) * 16 + o) * 4 + j];
            sums[o] += w < 0 ? -w : w;
          }
      for (int32_t sum : sums)
        if (int64_t{sum} * 255 >= F::kSumLimit) return false;
    }
    return true;
  }
  // Transformed weights are 8 (F4) or 3.5 (F2) times the stored ones. A few tiles cannot pay for reading them, nor a model's load for
  // keeping very many. Measured on a Skylake server: everything else is faster this way, from 8 channels up.
  static bool pays(const ConvShape& s) {
    const int64_t bytes = kPoints * 2 * s.c * s.oc;
    return s.oh >= 3 && s.ow >= 3 && bytes <= (6 << 20) && (bytes <= (512 << 10) || s.oh * s.ow >= 36) && Multiply::pays(s);
  }

  static bool accepts(const ConvS8& a) {
    const ConvShape& s = a.s;
    const bool fits = s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dil_h == 1 && s.dil_w == 1 &&
                      s.groups == 1 && s.c % 8 == 0 && !a.y_f32 && s.oh > 0 && s.ow > 0 && s.n > 0 && s.pad_h >= 0 && s.pad_w >= 0;
    return fits && pays(s) && sums_fit(a);
  }
  static int64_t tiles(const ConvS8& a) {
    const Shape g = shape_of(a.s);
    return a.s.n * g.chunks * g.ty;
  }
  static size_t scratch(const ConvS8& a) {
    const Shape g = shape_of(a.s);
    const int64_t v = kPoints * g.step_rows * g.tx * g.c;
    return static_cast<size_t>(256 + round64(a.s.w * g.c) + round64(g.strip * 2 + 64) + round64(v * 2 + 64) + g.products * 4);
  }
  static int64_t round64(int64_t n) { return (n + 63) / 64 * 64; }

  static size_t pack_bytes(const ConvS8& a) {
    return static_cast<size_t>(shape_of(a.s).w_unit * shape_of(a.s).units) * sizeof(int16_t);
  }
  // [unit][ξ][c/2][16][2], the half unit [ξ][c/4][8][4]. Two input channels × 16 output channels at a time, in 16-bit lanes.
  static void pack(const ConvS8& a, void* packed) {
    const Shape g = shape_of(a.s);
    for (int64_t unit = 0; unit < g.units; ++unit) {
      int16_t* out = static_cast<int16_t*>(packed) + unit * g.w_unit;
      const int8_t* panel = a.w + unit * ceil_div(9 * g.c, 4) * 64;
      const bool half = g.half && unit == g.units - 1;
      for (int64_t c = 0; c < g.c; c += 2) {
        __m512i w[9], u[kPoints];
        for (int t = 0; t < 9; ++t) w[t] = channel_pair(panel, t * g.c + c);
        transform_weights(w, u);
        for (int64_t xi = 0; xi < kPoints; ++xi) {
          if (!half) {
            _mm512_store_si512(out + xi * g.c * 16 + c * 16, u[xi]);
            continue;
          }
          int32_t pairs[16];
          _mm512_storeu_si512(pairs, u[xi]);
          for (int64_t lane = 0; lane < 8; ++lane) std::memcpy(out + xi * g.c * 8 + (c / 4 * 8 + lane) * 4 + c % 4, pairs + lane, 4);
        }
      }
    }
  }
  // Weights k and k + 1 (k even) of the panel's 16 channels, widened to pairs of 16 bits.
  static __m512i channel_pair(const int8_t* panel, int64_t k) {
    __m512i v = _mm512_loadu_si512(panel + k / 4 * 64);
    if (k % 4 == 2) v = _mm512_srli_epi32(v, 16);
    const __m512i low = _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8), high = _mm512_srai_epi16(_mm512_slli_epi32(v, 16), 8);
    return _mm512_mask_blend_epi16(0xaaaaaaaau, low, high);
  }
  // G g Gᵀ, columns first.
  static void transform_weights(const __m512i* w, __m512i* u) {
    __m512i part[F::kIn][3];
    for (int i = 0; i < F::kIn; ++i)
      for (int x = 0; x < 3; ++x) part[i][x] = weigh(F::kWeights[i], w[x], w[3 + x], w[6 + x]);
    for (int i = 0; i < F::kIn; ++i)
      for (int j = 0; j < F::kIn; ++j) u[i * F::kIn + j] = weigh(F::kWeights[j], part[i][0], part[i][1], part[i][2]);
  }
  static __m512i weigh(const int (&g)[3], __m512i a, __m512i b, __m512i c) {
    const __m512i pa = _mm512_mullo_epi16(a, _mm512_set1_epi16(static_cast<int16_t>(g[0])));
    const __m512i pb = _mm512_mullo_epi16(b, _mm512_set1_epi16(static_cast<int16_t>(g[1])));
    const __m512i pc = _mm512_mullo_epi16(c, _mm512_set1_epi16(static_cast<int16_t>(g[2])));
    return _mm512_add_epi16(pa, _mm512_add_epi16(pb, pc));
  }

  static void run(const ConvS8& a, const void* packed, int64_t begin, int64_t end, void* scratch) {
    const Shape g = shape_of(a.s);
    Step step{a, g, static_cast<const int16_t*>(packed), align64<uint8_t>(scratch), nullptr, nullptr, nullptr, 0, 0, 0, 0};
    step.strip = reinterpret_cast<int16_t*>(step.pad_row + round64(a.s.w * g.c));
    step.v = step.strip + round64(g.strip * 2 + 64) / 2;
    step.product = reinterpret_cast<int32_t*>(step.v + round64(kPoints * g.step_rows * g.tx * g.c * 2 + 64) / 2);
    std::memset(step.pad_row, a.x_zero_point, static_cast<size_t>(a.s.w * g.c));
    while (begin < end) {
      step.ty0 = begin % g.ty;
      step.rows = min64(min64(g.step_rows, g.ty - step.ty0), end - begin);
      step.chunk = begin / g.ty % g.chunks;
      step.image = begin / g.ty / g.chunks;
      run_step(step);
      begin += step.rows;
    }
  }

 private:
  struct Step {
    const ConvS8& a;
    const Shape& g;
    const int16_t* w;
    uint8_t* pad_row;
    int16_t *strip, *v;
    int32_t* product;
    int64_t image, chunk, ty0, rows;
  };

  static void run_step(const Step& t) {
    const Shape& g = t.g;
    for (int64_t r = 0; r < t.rows; ++r) {
      if (g.c % 32 == 0) {
        vertical<Lanes32>(t, t.ty0 + r);
      } else if (g.c % 16 == 0) {
        vertical<Lanes16>(t, t.ty0 + r);
      } else {
        vertical<Lanes8>(t, t.ty0 + r);
      }
      horizontal(t, r);
    }
    const int64_t unit0 = t.chunk * kChunkUnits, units = min64(kChunkUnits, g.units - unit0);
    const bool half = g.half && unit0 + units == g.units;
    full_units(t, unit0, units - (half ? 1 : 0));
    if (half) half_unit(t, unit0 + units - 1);
  }

  // Bᵀ down the columns of one row of tiles: strip[i][pixel % kOut][pixel / kOut][c].
  template <class L>
  [[gnu::noinline]] static void vertical(const Step& t, int64_t ty) {
    const ConvShape& s = t.a.s;
    const Shape& g = t.g;
    const uint8_t* rows[F::kIn];
    for (int i = 0; i < F::kIn; ++i) {
      const int64_t y = ty * F::kOut - s.pad_h + i;
      rows[i] = y < 0 || y >= s.h ? t.pad_row : t.a.x + (t.image * s.h + y) * s.w * s.c;
    }
    const int64_t plane = (g.tx + 1) * g.c;
    for (int64_t x = 0; x < g.tx * F::kOut + 2; ++x) {
      int16_t* dst = t.strip + (x % F::kOut) * plane + x / F::kOut * g.c;
      const int64_t ix = x - s.pad_w;
      if (ix < 0 || ix >= s.w) {
        for (int i = 0; i < F::kIn; ++i)
          WidenU8::fill(dst + i * F::kOut * plane, g.c, static_cast<int16_t>(F::kRowSum[i] * t.a.x_zero_point));
        continue;
      }
      for (int64_t c = 0; c < g.c; c += L::kLanes) {
        typename L::T d[F::kIn], r[F::kIn];
#pragma GCC unroll 6
        for (int i = 0; i < F::kIn; ++i) d[i] = L::widen(rows[i] + ix * g.c + c);
        F::template input<L>(d, r);
#pragma GCC unroll 6
        for (int i = 0; i < F::kIn; ++i) L::store(dst + i * F::kOut * plane + c, r[i]);
      }
    }
  }

  // B along the rows: v[ξ][tile][c].
  [[gnu::noinline]] static void horizontal(const Step& t, int64_t row) {
    const Shape& g = t.g;
    const int64_t plane = (g.tx + 1) * g.c, n = g.tx * g.c, v_step = t.rows * g.tx * g.c;
    for (int i = 0; i < F::kIn; ++i) {
      const int16_t* src = t.strip + i * F::kOut * plane;
      int16_t* dst = t.v + i * F::kIn * v_step + row * n;
      for (int64_t e = 0; e < n; e += 32) {
        const __mmask32 mask = n - e >= 32 ? 0xffffffffu : static_cast<__mmask32>((1ull << (n - e)) - 1);
        __m512i d[F::kIn], r[F::kIn];
#pragma GCC unroll 6
        for (int j = 0; j < F::kIn; ++j)
          d[j] = _mm512_maskz_loadu_epi16(mask, src + (j % F::kOut) * plane + (j / F::kOut) * g.c + e);
        F::template input<Lanes32>(d, r);
#pragma GCC unroll 6
        for (int j = 0; j < F::kIn; ++j) _mm512_mask_storeu_epi16(dst + j * v_step + e, mask, r[j]);
      }
    }
  }

  static const int32_t* words(const int16_t* pairs) { return reinterpret_cast<const int32_t*>(pairs); }

  static void full_units(const Step& t, int64_t unit0, int64_t full) {
    const Shape& g = t.g;
    const int64_t tiles = t.rows * g.tx;
    Product m{words(t.v), nullptr, t.product, g.c / 2, tiles * g.c / 2, g.w_unit / 2, 0, kPoints};
    int64_t v = min64(full, 4);
    while (v > 2 && kMostTiles[v] < tiles) --v;
    if (g.c / 2 <= kFewWords) v = min64(v, 1);
    for (int64_t u = 0; u < full; u += v) {
      const int64_t n = min64(v, full - u), most = g.c / 2 <= kFewWords ? kFewTiles : kMostTiles[n], blocks = ceil_div(tiles, most);
      m.w = words(t.w + (unit0 + u) * g.w_unit);
      m.out_tile = n * kPoints * 16;
      for (int64_t b = 0, tile = 0; b < blocks; ++b) {
        const int64_t p = tiles / blocks + (b < tiles % blocks ? 1 : 0);
        m.v = words(t.v + tile * g.c);
        kMultiply<Multiply>.of(m.words, n, p)(m);
        for (int64_t q = 0; q < n; ++q) output(t, tile, p, t.product + q * kPoints * 16, m.out_tile, unit0 + u + q);
        tile += p;
      }
    }
  }
  static void half_unit(const Step& t, int64_t unit) {
    const Shape& g = t.g;
    const int64_t tiles = t.rows * g.tx, most = g.c / 2 <= kFewWords ? 2 * kFewTiles : 16;
    Product m{words(t.v), words(t.w + unit * g.w_unit), t.product, g.c / 2, tiles * g.c / 2, g.w_unit / 2, kPoints * 16, kPoints};
    for (int64_t tile = 0; tile < tiles; tile += most) {
      const int64_t p = min64(most, tiles - tile);
      m.v = words(t.v + tile * g.c);
      kMultiply<Multiply>.half_of(m.words, p)(m);
      output_half(t, tile, p, unit);
    }
  }

  // Aᵀ M of one register's worth of tiles; a row of it times A, divided, is a row of outputs.
  static void inverse_columns(const int32_t* m, __m512i (&part)[F::kOut][F::kIn]) {
#pragma GCC unroll 6
    for (int j = 0; j < F::kIn; ++j) {
      __m512i column[F::kIn], z[F::kOut];
#pragma GCC unroll 6
      for (int i = 0; i < F::kIn; ++i) column[i] = _mm512_load_si512(m + (i * F::kIn + j) * 16);
      F::output(column, z);
#pragma GCC unroll 4
      for (int r = 0; r < F::kOut; ++r) part[r][j] = z[r];
    }
  }

  // Where a tile's first output pixel is, and how many rows and columns of it exist; none for a tile past the end.
  struct Place {
    int64_t pixel, rows, columns;
  };
  static Place place_of(const Step& t, int64_t tile) {
    const ConvShape& s = t.a.s;
    if (tile >= t.rows * t.g.tx) return {0, 0, 0};
    const int64_t oy = (t.ty0 + tile / t.g.tx) * F::kOut, ox = tile % t.g.tx * F::kOut;
    return {(t.image * s.oh + oy) * s.ow + ox, min64(F::kOut, s.oh - oy), min64(F::kOut, s.ow - ox)};
  }

  static __m512i (&divide_row(__m512i (&z)[F::kOut], int r))[F::kOut] {
#pragma GCC unroll 4
    for (int c = 0; c < F::kOut; ++c) z[c] = F::divide(z[c], r, c);
    return z;
  }

  [[gnu::noinline]] static void output(const Step& t, int64_t first, int64_t count, const int32_t* product, int64_t distance,
                                       int64_t unit) {
    const ConvShape& s = t.a.s;
    const RequantizeS8 out(t.a, unit * 16, s.oc - unit * 16);
    for (int64_t i = 0; i < count; ++i) {
      __m512i part[F::kOut][F::kIn], z[F::kOut];
      inverse_columns(product + i * distance, part);
      const Place at = place_of(t, first + i);
      const bool fast = F::kOut == 4 && at.columns == 4 && out.whole(false);
#pragma GCC unroll 4
      for (int r = 0; r < F::kOut; ++r) {
        if (r >= at.rows) break;
        F::output(part[r], z);
        if constexpr (F::kOut == 4) {
          if (fast) {
            out.store_four(divide_row(z, r), at.pixel + r * s.ow);
            continue;
          }
        }
#pragma GCC unroll 4
        for (int c = 0; c < F::kOut; ++c)
          if (c < at.columns) out.store(F::divide(z[c], r, c), at.pixel + r * s.ow + c);
      }
    }
  }

  // A register holds two tiles.
  [[gnu::noinline]] static void output_half(const Step& t, int64_t first, int64_t count, int64_t unit) {
    const ConvShape& s = t.a.s;
    const RequantizeS8 out(t.a, unit * 16, s.oc - unit * 16, true);
    for (int64_t i = 0; i < count; i += 2) {
      __m512i part[F::kOut][F::kIn], z[F::kOut];
      inverse_columns(t.product + i / 2 * kPoints * 16, part);
      const Place at0 = place_of(t, first + i), at1 = i + 1 < count ? place_of(t, first + i + 1) : Place{0, 0, 0};
      const bool fast = at0.columns == 4 && at1.columns == 4 && out.whole(true);
#pragma GCC unroll 4
      for (int r = 0; r < F::kOut; ++r) {
        F::output(part[r], z);
        if constexpr (F::kOut == 4) {
          if (fast && r < at0.rows && r < at1.rows) {
            out.store_four_pairs(divide_row(z, r), at0.pixel + r * s.ow, at1.pixel + r * s.ow);
            continue;
          }
        }
#pragma GCC unroll 4
        for (int c = 0; c < F::kOut; ++c) {
          const int64_t step = r * s.ow + c;
          out.store_pair(F::divide(z[c], r, c), r < at0.rows && c < at0.columns ? at0.pixel + step : -1,
                         r < at1.rows && c < at1.columns ? at1.pixel + step : -1);
        }
      }
    }
  }
};

template <class F, class Multiply>
TiledKernel<ConvS8> winograd_candidate(const char* name) {
  using W = Winograd<F, Multiply>;
  return {W::accepts, W::tiles, W::scratch, W::pack_bytes, W::pack, W::run, name};
}

}  // namespace
}  // namespace fastc::rt
