// Weights in fewer bits, as format.h lays them out: what each number is, and the product that defines the fast ones.
//   y[r, o] = act(bias[o] + residual[r, o] + Σ_k x[r, k] · scale[o, k / group] · q[o, k])
// A tile is one panel of 16 output channels for one row.
#include "functions.h"
#include "generic/generic.h"
#include "half.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

int64_t panel_numbers(const StoredF32& a) { return (a.form == StoredForm::kS4 ? (a.k + 1) / 2 * 2 : a.k) * kPanelWidth; }

// The number of input k, channel `lane` of a panel, without its scale.
float stored_number(const StoredF32& a, int64_t panel, int64_t k, int64_t lane) {
  const int64_t at = panel * panel_numbers(a) + k * kPanelWidth + lane;
  switch (a.form) {
    case StoredForm::kS8: return static_cast<const int8_t*>(a.w)[at];
    case StoredForm::kF16: return half_to_float(static_cast<const uint16_t*>(a.w)[at]);
    case StoredForm::kBF16: return bfloat_to_float(static_cast<const uint16_t*>(a.w)[at]);
    case StoredForm::kS4: break;
  }
  const uint8_t both = static_cast<const uint8_t*>(a.w)[panel * panel_numbers(a) / 2 + k / 2 * kPanelWidth + lane];
  return static_cast<float>(k % 2 == 0 ? both & 15 : both >> 4) - 8.0f;
}

float scale_of(const StoredF32& a, int64_t panel, int64_t k, int64_t lane) {
  return a.scales == nullptr ? 1.0f : a.scales[(panel * ceil_div(a.k, a.group) + k / a.group) * kPanelWidth + lane];
}

int64_t tiles(const StoredF32& a) { return a.rows * ceil_div(a.oc, kPanelWidth); }

void run(const StoredF32& a, const void*, int64_t begin, int64_t end, void*) {
  const int64_t panels = ceil_div(a.oc, kPanelWidth);
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t row = tile / panels, panel = tile % panels;
    for (int64_t lane = 0; lane < kPanelWidth && panel * kPanelWidth + lane < a.oc; ++lane) {
      const int64_t o = panel * kPanelWidth + lane, at = row * a.oc + o;
      float sum = 0;
      for (int64_t first = 0; first < a.k; first += a.group) {
        float part = 0;
        for (int64_t k = first; k < first + a.group && k < a.k; ++k) part += a.x[row * a.k + k] * stored_number(a, panel, k, lane);
        sum += part * scale_of(a, panel, first, lane);
      }
      if (a.bias != nullptr) sum += a.bias[o];
      if (a.residual != nullptr) sum += a.residual[at];
      a.y[at] = activate(a.activation, sum, a.lo, a.hi);
    }
  }
}

}  // namespace

void decode_panels(const StoredF32& a, int64_t taps, int64_t depth, float* out) {
  const int64_t channels = a.k / (taps * depth);
  for (int64_t panel = 0; panel < ceil_div(a.oc, kPanelWidth); ++panel) {
    for (int64_t k = 0; k < a.k; ++k) {
      const int64_t tap = k % taps, frame = k / taps % depth, channel = k / (taps * depth);
      float* to = out + (panel * a.k + (tap * depth + frame) * channels + channel) * kPanelWidth;
      for (int64_t lane = 0; lane < kPanelWidth; ++lane) to[lane] = stored_number(a, panel, k, lane) * scale_of(a, panel, k, lane);
    }
  }
}

TiledKernel<StoredF32> generic_stored_f32() { return {.tiles = tiles, .run = run, .name = "generic"}; }

}  // namespace fastc::rt
