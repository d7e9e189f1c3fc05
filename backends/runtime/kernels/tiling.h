// How a convolution is cut into tiles, rows and runs; shared by every direct kernel, whatever its instruction set.
//
// A tile is one row of output pixels × one chunk of output channels of one group of one image, rows fastest: a range of
// tiles is a few segments of consecutive rows, and a segment copies the input rows it needs (padding filled in) once.
// Everything here is in an anonymous namespace: each instruction set's file must keep its own compiled copy, or the linker could
// hand an AVX-512 copy to a machine without it.
#pragma once

#include "../kernels.h"

namespace fastc::rt {
namespace {

inline constexpr int kMaxRuns = 128;

constexpr int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename T>
inline void keep_in_register(T& value) {
  __asm__("" : "+r"(value));
}

template <typename T>
inline T* align64(void* p) {
  return reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(p) + 63) & ~uintptr_t{63});
}

// What a kernel family asks of the tiling.
struct TilingRules {
  int64_t k_group;       // k values consumed at a time: 1 (f32), 4 (s8)
  int64_t element;       // bytes of one x element in the row buffer
  bool always_copy;      // the row buffer's type is not x's type
  int64_t flat_row;      // pixels of a pseudo row where the convolution is a plain matrix product
  int64_t segment_bytes = 96 << 10;  // copied input rows of a segment: a part of a small L2
};

struct Tiling {
  int64_t images, rows, width, total;  // width: pixels of a row; total: pixels of an image (the last flat row is shorter)
  int64_t groups, cg, ocg, panels, chunk_panels, chunks;
  bool flat, copy, dense_copy;         // dense_copy: kernel 1×1, only the pixels that are used are copied
  int64_t copy_width, row_elements;    // row buffer
  int64_t runs, run_elements, run_groups;
  int64_t max_rows;                    // rows of one segment
  int64_t x_step;                      // elements between neighbouring output pixels' inputs
  int64_t panel_k;                     // k values of a panel, padded to k_group
  bool repack;                         // runs do not start on a k_group boundary of the stored panels
};

inline int64_t segment_input_rows(const ConvShape& s, const Tiling& t, int64_t rows) {
  return t.dense_copy || t.flat ? rows : (rows - 1) * s.stride_h + (s.kh - 1) * s.dil_h + 1;
}

inline Tiling make_tiling(const ConvShape& s, const TilingRules& rules) {
  Tiling t{};
  t.groups = s.groups;
  t.cg = s.c / s.groups;
  t.ocg = s.oc / s.groups;
  t.panels = ceil_div(t.ocg, 16);
  const bool point = s.kh == 1 && s.kw == 1 && s.pad_h == 0 && s.pad_w == 0 && (s.oh - 1) * s.stride_h < s.h &&
                     (s.ow - 1) * s.stride_w < s.w;
  t.flat = point && s.stride_h == 1 && s.stride_w == 1 && s.oh == s.h && s.ow == s.w;
  t.images = t.flat ? 1 : s.n;
  t.total = t.flat ? s.n * s.oh * s.ow : s.oh * s.ow;
  t.width = t.flat ? min64(t.total, rules.flat_row) : s.ow;
  t.rows = t.flat ? ceil_div(t.total, t.width) : s.oh;
  const int64_t most = t.flat && t.total < 4 ? 8 : 4;
  t.chunks = ceil_div(t.panels, most);
  t.chunk_panels = ceil_div(t.panels, t.chunks);
  t.chunks = ceil_div(t.panels, t.chunk_panels);
  const bool inside = s.pad_h == 0 && s.pad_w == 0 && (s.oh - 1) * s.stride_h + (s.kh - 1) * s.dil_h < s.h &&
                      (s.ow - 1) * s.stride_w + (s.kw - 1) * s.dil_w < s.w;
  t.copy = rules.always_copy || !inside || (t.cg % rules.k_group != 0);
  t.dense_copy = t.copy && point;
  const int64_t pixel = t.copy ? t.cg : s.c;
  t.copy_width = t.flat || t.dense_copy ? t.width : (s.ow - 1) * s.stride_w + (s.kw - 1) * s.dil_w + 1;
  t.row_elements = t.copy_width * pixel;
  t.x_step = (t.flat || t.dense_copy ? 1 : s.stride_w) * pixel;
  const bool merged = s.kw == 1 || (s.dil_w == 1 && pixel == t.cg);  // a kernel row's values lie side by side
  t.runs = s.kh * (merged ? 1 : s.kw);
  t.run_elements = t.cg * (merged ? s.kw : 1);
  t.run_groups = ceil_div(t.run_elements, rules.k_group);
  t.repack = t.runs > 1 && t.run_elements % rules.k_group != 0;
  t.panel_k = t.repack ? t.runs * t.run_groups * rules.k_group
                       : ceil_div(s.kh * s.kw * t.cg, rules.k_group) * rules.k_group;
  t.max_rows = t.rows;
  if (t.copy) {
    const int64_t bytes = t.row_elements * rules.element;
    const int64_t fit = max64(1, rules.segment_bytes / max64(1, bytes));
    const bool one_to_one = t.flat || t.dense_copy;
    t.max_rows = one_to_one ? fit : (fit - (s.kh - 1) * s.dil_h - 1) / s.stride_h + 1;
    t.max_rows = max64(1, min64(t.rows, fit < (s.kh - 1) * s.dil_h + 1 ? 1 : t.max_rows));
  }
  return t;
}

inline int64_t tile_count(const Tiling& t) { return t.images * t.groups * t.chunks * t.rows; }

// Row buffer, its alignment, and what group loads may read past the last row.
inline size_t row_buffer_bytes(const ConvShape& s, const Tiling& t, const TilingRules& rules) {
  if (!t.copy) return 0;
  return static_cast<size_t>((segment_input_rows(s, t, t.max_rows) * t.row_elements + 64) * rules.element + 64);
}

// Offsets of the runs from an output pixel's first input element. In x itself a row is w·c elements long.
inline void fill_run_offsets(const ConvShape& s, const Tiling& t, int64_t* offsets) {
  const int64_t row = t.copy ? t.row_elements : s.w * s.c;
  const int64_t pixel = t.copy ? t.cg : s.c;
  const int64_t per_row = t.runs / s.kh;
  for (int64_t r = 0; r < t.runs; ++r) offsets[r] = (r / per_row) * s.dil_h * row + (r % per_row) * s.dil_w * pixel;
}

struct Segment {
  int64_t image, group, chunk, row0, row1;
};

// The segment that starts at tile `begin`.
inline Segment segment_at(const Tiling& t, int64_t begin, int64_t end) {
  Segment g{};
  int64_t rest = begin / t.rows;
  g.row0 = begin % t.rows;
  g.row1 = min64(min64(t.rows, g.row0 + (end - begin)), g.row0 + t.max_rows);
  g.chunk = rest % t.chunks;
  rest /= t.chunks;
  g.group = rest % t.groups;
  g.image = rest / t.groups;
  return g;
}

inline int64_t row_width(const Tiling& t, int64_t row) {
  return t.flat ? min64(t.width, t.total - row * t.width) : t.width;
}
inline int64_t first_pixel(const Tiling& t, int64_t image, int64_t row) { return image * t.total + row * t.width; }

// Copies the input rows of a segment into `buffer`, converting with Convert::copy(src, dst, n) and padding with `fill`.
template <class Convert, typename Src, typename Dst>
inline void copy_rows(const ConvShape& s, const Tiling& t, const Segment& g, const Src* x, Dst* buffer, Dst fill) {
  const int64_t c0 = g.group * t.cg;
  if (t.flat && t.groups == 1) {
    Convert::copy(x + g.row0 * t.width * s.c, buffer, (min64(t.total, g.row1 * t.width) - g.row0 * t.width) * s.c);
    return;
  }
  const int64_t rows = segment_input_rows(s, t, g.row1 - g.row0);
  for (int64_t r = 0; r < rows; ++r) {
    Dst* dst = buffer + r * t.row_elements;
    if (t.flat || t.dense_copy) {
      const int64_t row = g.row0 + r, n = row_width(t, row);
      const Src* src = t.flat ? x + row * t.width * s.c + c0 : x + ((g.image * s.h + row * s.stride_h) * s.w) * s.c + c0;
      const int64_t step = t.flat ? s.c : s.stride_w * s.c;
      for (int64_t p = 0; p < n; ++p) Convert::copy(src + p * step, dst + p * t.cg, t.cg);
      continue;
    }
    const int64_t ih = g.row0 * s.stride_h - s.pad_h + r;
    if (ih < 0 || ih >= s.h) {
      Convert::fill(dst, t.row_elements, fill);
      continue;
    }
    const int64_t left = min64(s.pad_w, t.copy_width), end = max64(left, min64(t.copy_width, s.pad_w + s.w));
    const Src* src = x + ((g.image * s.h + ih) * s.w) * s.c + c0;
    Convert::fill(dst, left * t.cg, fill);
    if (t.groups == 1) {
      Convert::copy(src, dst + left * t.cg, (end - left) * t.cg);
    } else {
      for (int64_t p = left; p < end; ++p) Convert::copy(src + (p - left) * s.c, dst + p * t.cg, t.cg);
    }
    Convert::fill(dst + end * t.cg, (t.copy_width - end) * t.cg, fill);
  }
}

}  // namespace
}  // namespace fastc::rt
