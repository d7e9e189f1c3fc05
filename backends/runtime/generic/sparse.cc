// A product with a block-sparse weight, as format.h lays it out.
//   y[r, o] = act(bias[o] + residual[r, o] + Σ over the blocks b of o's panel: x[r, inputs[b]] · values[b][o % 16])
#include "functions.h"
#include "generic/generic.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

int64_t tiles(const SparseF32& a) { return a.rows * ceil_div(a.oc, kPanelWidth); }

void run(const SparseF32& a, const void*, int64_t begin, int64_t end, void*) {
  const int64_t panels = ceil_div(a.oc, kPanelWidth);
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t row = tile / panels, panel = tile % panels;
    float sum[kPanelWidth] = {};
    for (int64_t b = a.starts[panel]; b < a.starts[panel + 1]; ++b) {
      for (int64_t lane = 0; lane < kPanelWidth; ++lane) sum[lane] += a.x[row * a.k + a.inputs[b]] * a.values[b * kPanelWidth + lane];
    }
    for (int64_t lane = 0; lane < kPanelWidth && panel * kPanelWidth + lane < a.oc; ++lane) {
      const int64_t o = panel * kPanelWidth + lane, at = row * a.oc + o;
      float v = sum[lane];
      if (a.bias != nullptr) v += a.bias[o];
      if (a.residual != nullptr) v += a.residual[at];
      a.y[at] = activate(a.activation, v, a.lo, a.hi);
    }
  }
}

}  // namespace

TiledKernel<SparseF32> generic_sparse_f32() { return {.tiles = tiles, .run = run, .name = "generic"}; }

}  // namespace fastc::rt
