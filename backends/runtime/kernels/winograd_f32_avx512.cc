// fp32 3×3 stride-1 convolution by Winograd F(2×2, 3×3) (Lavin & Gray 2015, arXiv:1509.09308): 2.25 times fewer multiplications than the
// direct kernel. Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A; B and A hold only 0 and ±1, G only 0, ±½ and 1, so that rounding errors stay those of a direct
// sum (F(4×4) would save more and lose two digits).
//
// One step handles a few rows of tiles, small enough for L2, of up to 64 output channels:
//   rows ─Bᵀ d B─→ v[ξ][tile][c];  then block by block of tiles and units:
//   ─one small matrix product per ξ─→ product[tile][unit][ξ][16] ─Aᵀ M A, bias, residual, clamp─→ y
#include "isa_avx512.h"
#include "winograd_product.h"

namespace fastc::rt {
namespace {

struct MultiplyF32 {
  static constexpr bool kPairs = false;
#if defined(__GNUC__) && !defined(__clang__)
  // As in avx512_common.h: the accumulator stays in its register.
  static void add(__m512i& acc, __m512i x, __m512i w) { __asm__("vfmadd231ps %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w)); }
#else
  static void add(__m512i& acc, __m512i x, __m512i w) {
    acc = _mm512_castps_si512(_mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(w), _mm512_castsi512_ps(acc)));
  }
#endif
};

constexpr int kOut = 2, kIn = 4, kPoints = kIn * kIn;
constexpr int64_t kChunkUnits = 4, kStepBytes = 192 << 10, kMostProducts = 24;  // the most registers of a block

struct Shape {
  int64_t c, tx, ty;         // tiles in a row, rows of tiles
  int64_t units, chunks;     // units of 16 output channels
  int64_t step_rows;         // rows of tiles in a step
  int64_t w_unit;            // elements of a unit's weights
};
Shape shape_of(const ConvShape& s) {
  Shape g{};
  g.c = s.c;
  g.tx = ceil_div(s.ow, kOut), g.ty = ceil_div(s.oh, kOut);
  g.units = ceil_div(s.oc, 16), g.chunks = ceil_div(g.units, kChunkUnits);
  const int64_t fit = max64(1, kStepBytes / (kPoints * 4 * g.c * g.tx)), wanted = max64(1, 8 / g.tx);
  g.step_rows = min64(g.ty, min64(fit, wanted));
  g.w_unit = kPoints * g.c * 16;
  return g;
}

// In multiplications: the transforms cost about 80 a tile and channel, reading the transformed weights one for each. Fitted on a
// Zen 4 server (bench_kernels).
bool pays(const ConvShape& s) {
  const int64_t out16 = ceil_div(s.oc, 16) * 16, tiles = s.n * ceil_div(s.oh, kOut) * ceil_div(s.ow, kOut), products = kPoints * s.c * out16;
  return tiles * (products + 80 * (s.c + out16)) + products < s.n * s.oh * s.ow * 9 * s.c * out16;
}

bool accepts(const ConvF32& a) {
  const ConvShape& s = a.s;
  return s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dil_h == 1 && s.dil_w == 1 && s.groups == 1 && s.c % 16 == 0 &&
         s.n > 0 && s.oh > 0 && s.ow > 0 && s.pad_h >= 0 && s.pad_w >= 0 && is_clamp(a.activation) && pays(s);
}
int64_t tiles(const ConvF32& a) {
  const Shape g = shape_of(a.s);
  return a.s.n * g.chunks * g.ty;
}
int64_t v_elements(const Shape& g) { return kPoints * g.step_rows * g.tx * g.c; }
size_t scratch_bytes(const ConvF32& a) {
  const Shape g = shape_of(a.s);
  return static_cast<size_t>(64 + 4 * (g.c + v_elements(g) + kMostProducts * kPoints * 16));
}

size_t pack_bytes(const ConvF32& a) {
  const Shape g = shape_of(a.s);
  return static_cast<size_t>(4 * g.w_unit * g.units);
}
// G of three numbers: g0, (g0 + g1 + g2)/2, (g0 − g1 + g2)/2, g2.
void weigh(const __m512 (&g)[3], __m512 (&u)[kIn]) {
  const __m512 half = _mm512_set1_ps(0.5f), ends = _mm512_add_ps(g[0], g[2]);
  u[0] = g[0];
  u[1] = _mm512_mul_ps(half, _mm512_add_ps(ends, g[1]));
  u[2] = _mm512_mul_ps(half, _mm512_sub_ps(ends, g[1]));
  u[3] = g[2];
}
// [unit][ξ][c][16] = G g Gᵀ, 16 output channels at a time.
void pack(const ConvF32& a, void* packed) {
  const Shape g = shape_of(a.s);
  for (int64_t unit = 0; unit < g.units; ++unit) {
    float* out = static_cast<float*>(packed) + unit * g.w_unit;
    const float* panel = a.w + unit * 9 * g.c * 16;
    for (int64_t c = 0; c < g.c; ++c) {
      __m512 part[3][kIn];  // [x][i]: G down the columns
      for (int x = 0; x < 3; ++x) {
        const __m512 column[3] = {_mm512_load_ps(panel + (x * g.c + c) * 16), _mm512_load_ps(panel + ((3 + x) * g.c + c) * 16),
                                  _mm512_load_ps(panel + ((6 + x) * g.c + c) * 16)};
        weigh(column, part[x]);
      }
      for (int i = 0; i < kIn; ++i) {
        const __m512 row[3] = {part[0][i], part[1][i], part[2][i]};
        __m512 u[kIn];
        weigh(row, u);
        for (int j = 0; j < kIn; ++j) _mm512_store_ps(out + ((i * kIn + j) * g.c + c) * 16, u[j]);
      }
    }
  }
}

struct Step {
  const ConvF32& a;
  const Shape& g;
  const float* w;
  float *zeros, *v, *product;  // zeros: a pixel of padding
  int64_t image, chunk, ty0, rows;
};

// Bᵀ of four numbers.
inline void input(const __m512 (&d)[kIn], __m512 (&r)[kIn]) {
  r[0] = _mm512_sub_ps(d[0], d[2]);
  r[1] = _mm512_add_ps(d[1], d[2]);
  r[2] = _mm512_sub_ps(d[2], d[1]);
  r[3] = _mm512_sub_ps(d[1], d[3]);
}

// Bᵀ d B of one tile, 16 channels at a time.
void transform_tile(const float* const (&pixels)[kIn][kIn], int64_t c, float* v, int64_t v_step) {
  for (int64_t k = 0; k < c; k += 16) {
    __m512 part[kIn][kIn];  // [column][row]
#pragma GCC unroll 4
    for (int j = 0; j < kIn; ++j) {
      const __m512 column[kIn] = {_mm512_loadu_ps(pixels[0][j] + k), _mm512_loadu_ps(pixels[1][j] + k), _mm512_loadu_ps(pixels[2][j] + k),
                                  _mm512_loadu_ps(pixels[3][j] + k)};
      input(column, part[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < kIn; ++i) {
      const __m512 row[kIn] = {part[0][i], part[1][i], part[2][i], part[3][i]};
      __m512 r[kIn];
      input(row, r);
#pragma GCC unroll 4
      for (int j = 0; j < kIn; ++j) _mm512_store_ps(v + (i * kIn + j) * v_step + k, r[j]);
    }
  }
}

void transform_row(const Step& t, int64_t row) {
  const ConvShape& s = t.a.s;
  const Shape& g = t.g;
  const int64_t v_step = t.rows * g.tx * g.c;
  for (int64_t x = 0; x < g.tx; ++x) {
    const float* pixels[kIn][kIn];
    for (int i = 0; i < kIn; ++i)
      for (int j = 0; j < kIn; ++j) {
        const int64_t iy = (t.ty0 + row) * kOut - s.pad_h + i, ix = x * kOut - s.pad_w + j;
        const bool inside = iy >= 0 && iy < s.h && ix >= 0 && ix < s.w;
        pixels[i][j] = inside ? t.a.x + ((t.image * s.h + iy) * s.w + ix) * s.c : t.zeros;
      }
    transform_tile(pixels, g.c, t.v + (row * g.tx + x) * g.c, v_step);
  }
}

// Bias, residual and clamp of 16 channels of one output pixel.
struct Finish {
  Finish(const ConvF32& a, int64_t channel) : a(a), channel(channel), mask(mask16(a.s.oc - channel)) {
    const Bounds b = clamp_bounds(a.activation, a.lo, a.hi);
    lo = _mm512_set1_ps(b.lo), hi = _mm512_set1_ps(b.hi);
    bias = a.bias ? _mm512_maskz_loadu_ps(mask, a.bias + channel) : _mm512_setzero_ps();
  }
  void store(__m512 y, int64_t pixel) const {
    const int64_t at = pixel * a.s.oc + channel;
    y = _mm512_add_ps(y, bias);
    if (a.residual) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, a.residual + at));
    _mm512_mask_storeu_ps(a.y + at, mask, clamp(y, lo, hi));
  }
  const ConvF32& a;
  int64_t channel;
  __mmask16 mask;
  __m512 lo, hi, bias;
};

// Aᵀ of four numbers.
inline void output(const __m512 (&m)[kIn], __m512 (&z)[kOut]) {
  z[0] = _mm512_add_ps(_mm512_add_ps(m[0], m[1]), m[2]);
  z[1] = _mm512_sub_ps(_mm512_sub_ps(m[1], m[2]), m[3]);
}

// Tiles [first, first + count) of a step, one unit of output channels.
void finish_tiles(const Step& t, int64_t first, int64_t count, const float* product, int64_t distance, int64_t unit) {
  const ConvShape& s = t.a.s;
  const Finish finish(t.a, unit * 16);
  for (int64_t i = 0; i < count; ++i) {
    const float* m = product + i * distance;
    __m512 part[kOut][kIn];
#pragma GCC unroll 4
    for (int j = 0; j < kIn; ++j) {
      const __m512 column[kIn] = {_mm512_load_ps(m + j * 16), _mm512_load_ps(m + (kIn + j) * 16), _mm512_load_ps(m + (2 * kIn + j) * 16),
                                  _mm512_load_ps(m + (3 * kIn + j) * 16)};
      __m512 z[kOut];
      output(column, z);
      part[0][j] = z[0], part[1][j] = z[1];
    }
    const int64_t oy = (t.ty0 + (first + i) / t.g.tx) * kOut, ox = (first + i) % t.g.tx * kOut;
    for (int r = 0; r < kOut && oy + r < s.oh; ++r) {
      __m512 z[kOut];
      output(part[r], z);
      const int64_t pixel = (t.image * s.oh + oy + r) * s.ow + ox;
      finish.store(z[0], pixel);
      if (ox + 1 < s.ow) finish.store(z[1], pixel + 1);
    }
  }
}

const int32_t* words(const float* p) { return reinterpret_cast<const int32_t*>(p); }

void run_step(const Step& t) {
  const Shape& g = t.g;
  for (int64_t r = 0; r < t.rows; ++r) transform_row(t, r);
  const int64_t unit0 = t.chunk * kChunkUnits, units = min64(kChunkUnits, g.units - unit0), tiles = t.rows * g.tx;
  int64_t together = units;
  while (together > 2 && kMostTiles[together] < tiles) --together;
  Product m{nullptr, nullptr, reinterpret_cast<int32_t*>(t.product), g.c, tiles * g.c, g.w_unit, 0, kPoints};
  for (int64_t u = 0; u < units; u += together) {
    const int64_t n = min64(together, units - u), blocks = ceil_div(tiles, kMostTiles[n]);
    m.w = words(t.w + (unit0 + u) * g.w_unit);
    m.out_tile = n * kPoints * 16;
    for (int64_t b = 0, tile = 0; b < blocks; ++b) {
      const int64_t p = tiles / blocks + (b < tiles % blocks ? 1 : 0);
      m.v = words(t.v + tile * g.c);
      kMultiply<MultiplyF32>.of(m.words, n, p)(m);
      for (int64_t q = 0; q < n; ++q) finish_tiles(t, tile, p, t.product + q * kPoints * 16, m.out_tile, unit0 + u + q);
      tile += p;
    }
  }
}

void run(const ConvF32& a, const void* packed, int64_t begin, int64_t end, void* scratch) {
  const Shape g = shape_of(a.s);
  Step step{a, g, static_cast<const float*>(packed), align64<float>(scratch), nullptr, nullptr, 0, 0, 0, 0};
  step.v = step.zeros + g.c;
  step.product = step.v + v_elements(g);
  std::memset(step.zeros, 0, static_cast<size_t>(g.c) * 4);
  while (begin < end) {
    step.ty0 = begin % g.ty;
    step.rows = min64(min64(g.step_rows, g.ty - step.ty0), end - begin);
    step.chunk = begin / g.ty % g.chunks;
    step.image = begin / g.ty / g.chunks;
    run_step(step);
    begin += step.rows;
  }
}

}  // namespace

TiledKernel<ConvF32> conv_f32_winograd_avx512() { return {accepts, tiles, scratch_bytes, pack_bytes, pack, run, "winograd2_f32_avx512"}; }

}  // namespace fastc::rt
