// y = op(a)·op(b) by the direct convolution's micro-kernel: columns of b are packed into panels of 16 in scratch, rows of a are the
// pixels of a 1×1 convolution with c = k. With few rows of a packing would cost more than the product: then b is read in place.
// D is conv_direct.h's trait for floats, V vector_math.h's.
//
// A tile is kFlatRow rows × 64 columns of one batch, rows fastest, so that a range of tiles packs a stretch of b once.
#pragma once

#include "conv_direct.h"
#include "vector_math.h"

namespace fastc::rt {
namespace {

template <class D, class V>
struct Matmul {
  static constexpr int64_t kColumns = 64, kRows = D::kFlatRow, kFewRows = 4;

  static int64_t row_blocks(const MatmulF32& m) { return ceil_div(m.m, kRows); }
  static int64_t column_blocks(const MatmulF32& m) { return ceil_div(m.n, kColumns); }
  static bool few(const MatmulF32& m) { return m.m < kFewRows; }

  static bool accepts(const MatmulF32& m) { return m.batch > 0 && m.m > 0 && m.n > 0 && m.k > 0; }
  static int64_t tiles(const MatmulF32& m) { return m.batch * column_blocks(m) * row_blocks(m); }
  static size_t scratch(const MatmulF32& m) {
    const int64_t rows = m.transpose_a ? min64(kRows, m.m) : 0, columns = few(m) ? 0 : kColumns;
    return static_cast<size_t>((rows + columns) * m.k * 4 + 192);
  }

  static void run(const MatmulF32& m, const void*, int64_t begin, int64_t end, void* scratch) {
    float* panels = align64<float>(scratch);
    float* rows = align64<float>(panels + (few(m) ? 0 : kColumns * m.k));
    int64_t packed = -1;
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t stretch = tile / row_blocks(m), batch = stretch / column_blocks(m);
      const int64_t row = tile % row_blocks(m) * kRows, column = stretch % column_blocks(m) * kColumns;
      const int64_t row_count = min64(kRows, m.m - row), column_count = min64(kColumns, m.n - column);
      const float* a = m.a + batch * m.a_batch_stride + (m.transpose_a ? row : row * m.k);
      const float* b = m.b + batch * m.b_batch_stride + (m.transpose_b ? column * m.k : column);
      if (m.transpose_a) {
        for (int64_t k = 0; k < m.k; ++k)
          for (int64_t r = 0; r < row_count; ++r) rows[r * m.k + k] = a[k * m.m + r];
        a = rows;
      }
      float* y = m.y + (batch * m.m + row) * m.n + column;
      if (few(m)) {
        for (int64_t r = 0; r < row_count; ++r) {
          (m.transpose_b ? row_times_transposed : row_times_matrix)(m, a + r * m.k, b, y + r * m.n, column_count);
        }
        continue;
      }
      if (packed != stretch) (m.transpose_b ? pack_transposed : pack)(m, b, column_count, panels);
      packed = stretch;
      multiply(m, a, panels, y, row_count, column_count);
    }
  }

 private:
  static void multiply(const MatmulF32& m, const float* a, const float* panels, float* y, int64_t rows, int64_t columns) {
    ConvF32 c{{1, 1, rows, m.k, 1, rows, columns, 1, 1, 1, 1, 0, 0, 1, 1, 1}, a, panels, nullptr, nullptr, y, Activation::kIdentity, 0, 0};
    const Tiling t = make_tiling(c.s, DirectConv<D>::kRules);
    c.s.oc = m.n;  // the distance between rows of y; the tiling knows how many columns there are
    const int64_t offset = 0;
    DirectConv<D>::run_segment(c, t, {0, 0, 0, 0, t.rows}, &offset, panels, nullptr);
  }

  // panels[column / 16][k][column % 16], filled up with zeros.
  static void pack(const MatmulF32& m, const float* b, int64_t columns, float* panels) {
    for (int64_t c = 0; c < columns; c += 16, panels += m.k * 16)
      for (int64_t k = 0; k < m.k; ++k)
        for (int64_t i = 0; i < 16; i += V::kLanes) V::store(panels + k * 16 + i, V::load(b + k * m.n + c + i, columns - c - i), 16);
  }
  static void pack_transposed(const MatmulF32& m, const float* b, int64_t columns, float* panels) {
    for (int64_t c = 0; c < columns; c += 16, panels += m.k * 16)
      for (int64_t i = 0; i < 16; i += 4) {
        const float* rows[4];
        for (int64_t j = 0; j < 4; ++j) rows[j] = b + min64(c + i + j, columns - 1) * m.k;  // columns past the end are not stored
        int64_t k = 0;
        for (; k + 4 <= m.k; k += 4) {
          __m128 r0 = _mm_loadu_ps(rows[0] + k), r1 = _mm_loadu_ps(rows[1] + k), r2 = _mm_loadu_ps(rows[2] + k), r3 = _mm_loadu_ps(rows[3] + k);
          _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
          float* out = panels + k * 16 + i;
          _mm_store_ps(out, r0), _mm_store_ps(out + 16, r1), _mm_store_ps(out + 32, r2), _mm_store_ps(out + 48, r3);
        }
        for (; k < m.k; ++k)
          for (int64_t j = 0; j < 4; ++j) panels[k * 16 + i + j] = rows[j][k];
      }
  }

  static void row_times_matrix(const MatmulF32& m, const float* a, const float* b, float* y, int64_t columns) {
    constexpr int64_t kStep = 4 * V::kLanes;
    for (int64_t c = 0; c < columns; c += kStep) {
      typename V::T sum[4] = {V::set(0), V::set(0), V::set(0), V::set(0)};
      for (int64_t k = 0; k < m.k; ++k)
        for (int64_t v = 0; v < 4; ++v)
          sum[v] = V::fma(V::set(a[k]), V::load(b + k * m.n + c + v * V::kLanes, columns - c - v * V::kLanes), sum[v]);
      for (int64_t v = 0; v < 4; ++v) V::store(y + c + v * V::kLanes, sum[v], columns - c - v * V::kLanes);
    }
  }
  static void row_times_transposed(const MatmulF32& m, const float* a, const float* b, float* y, int64_t columns) {
    for (int64_t c = 0; c < columns; ++c, b += m.k) {
      typename V::T sum[2] = {V::set(0), V::set(0)};
      for (int64_t k = 0; k < m.k; k += 2 * V::kLanes)
        for (int64_t v = 0; v < 2; ++v) {
          const int64_t at = k + v * V::kLanes;
          sum[v] = V::fma(V::load(a + at, m.k - at), V::load(b + at, m.k - at), sum[v]);
        }
      float lanes[V::kLanes], total = 0;
      V::store(lanes, V::add(sum[0], sum[1]), V::kLanes);
      for (float lane : lanes) total += lane;
      y[c] = total;
    }
  }
};

template <class D, class V>
constexpr TiledKernel<MatmulF32> matmul_candidate(const char* name) {
  using M = Matmul<D, V>;
  TiledKernel<MatmulF32> k{};
  k.accepts = M::accepts;
  k.tiles = M::tiles;
  k.scratch = M::scratch;
  k.run = M::run;
  k.name = name;
  return k;
}

}  // namespace
}  // namespace fastc::rt
