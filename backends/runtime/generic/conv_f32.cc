// Float convolution over stored panels. A tile is one panel of 16 output channels for one row of output pixels.
//   y[o] = act(bias[o] + residual[o] + Σ_{kh,kw,c} x·w)
// Sums are fp32, taken in runs of 128 terms that are then added up, so that the error grows with √(K/128), not √K.
#include "functions.h"
#include "generic/generic.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

constexpr int64_t kRun = 128;

struct Pixel {
  int64_t n, oy, ox;
};

void finish(const ConvF32& a, int64_t at, int64_t channel, int64_t lanes, const float* sum) {
  for (int64_t j = 0; j < lanes; ++j) {
    float v = sum[j] + (a.bias == nullptr ? 0.0f : a.bias[channel + j]);
    if (a.residual != nullptr) v += a.residual[at + j];
    a.y[at + j] = activate(a.activation, v, a.lo, a.hi);
  }
}

// total += x[0..count) · w[0..count)[16]
void accumulate(const float* x, const float* w, int64_t count, float total[16]) {
  for (int64_t first = 0; first < count; first += kRun) {
    float run[16] = {};
    const int64_t last = first + kRun < count ? first + kRun : count;
    for (int64_t k = first; k < last; ++k) {
      for (int64_t j = 0; j < kPanelWidth; ++j) run[j] += x[k] * w[k * kPanelWidth + j];
    }
    for (int64_t j = 0; j < kPanelWidth; ++j) total[j] += run[j];
  }
}

void pixel(const ConvF32& a, const Pixel& p, int64_t group, int64_t panel, const float* w) {
  const ConvShape& s = a.s;
  const int64_t cg = s.c / s.groups, og = s.oc / s.groups;
  float total[16] = {};
  for (int64_t ky = 0; ky < s.kh; ++ky) {
    const int64_t iy = p.oy * s.stride_h - s.pad_h + ky * s.dil_h;
    if (iy < 0 || iy >= s.h) continue;
    for (int64_t kx = 0; kx < s.kw; ++kx) {
      const int64_t ix = p.ox * s.stride_w - s.pad_w + kx * s.dil_w;
      if (ix < 0 || ix >= s.w) continue;
      const float* x = a.x + ((p.n * s.h + iy) * s.w + ix) * s.c + group * cg;
      accumulate(x, w + (ky * s.kw + kx) * cg * kPanelWidth, cg, total);
    }
  }
  const int64_t channel = group * og + panel * kPanelWidth;
  const int64_t lanes = og - panel * kPanelWidth < kPanelWidth ? og - panel * kPanelWidth : kPanelWidth;
  finish(a, ((p.n * s.oh + p.oy) * s.ow + p.ox) * s.oc + channel, channel, lanes, total);
}

int64_t tiles(const ConvF32& a) { return a.s.n * a.s.oh * a.s.groups * ceil_div(a.s.oc / a.s.groups, kPanelWidth); }

void run(const ConvF32& a, const void*, int64_t begin, int64_t end, void*) {
  const ConvShape& s = a.s;
  const int64_t panels = ceil_div(s.oc / s.groups, kPanelWidth), k = s.kh * s.kw * (s.c / s.groups);
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t row = tile / (s.groups * panels), which = tile % (s.groups * panels);
    const float* w = a.w + which * k * kPanelWidth;
    for (int64_t ox = 0; ox < s.ow; ++ox) pixel(a, {row / s.oh, row % s.oh, ox}, which / panels, which % panels, w);
  }
}

int64_t depthwise_tiles(const ConvF32& a) { return a.s.n * a.s.oh; }

void run_depthwise(const ConvF32& a, const void*, int64_t begin, int64_t end, void*) {
  const ConvShape& s = a.s;
  const int64_t padded = ceil_div(s.c, kPanelWidth) * kPanelWidth;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t n = row / s.oh, oy = row % s.oh;
    for (int64_t ox = 0; ox < s.ow; ++ox) {
      for (int64_t first = 0; first < s.c; first += kPanelWidth) {
        const int64_t lanes = s.c - first < kPanelWidth ? s.c - first : kPanelWidth;
        float total[16] = {};
        for (int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
          const int64_t iy = oy * s.stride_h - s.pad_h + tap / s.kw * s.dil_h, ix = ox * s.stride_w - s.pad_w + tap % s.kw * s.dil_w;
          if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
          const float* x = a.x + ((n * s.h + iy) * s.w + ix) * s.c + first;
          for (int64_t j = 0; j < lanes; ++j) total[j] += x[j] * a.w[tap * padded + first + j];
        }
        finish(a, (row * s.ow + ox) * s.c + first, first, lanes, total);
      }
    }
  }
}

}  // namespace

TiledKernel<ConvF32> generic_conv_f32() {
  return {.tiles = tiles, .run = run, .name = "generic"};
}

TiledKernel<ConvF32> generic_depthwise_f32() {
  return {.accepts = [](const ConvF32& a) { return is_depthwise(a.s); }, .tiles = depthwise_tiles, .run = run_depthwise, .name = "generic_depthwise"};
}

}  // namespace fastc::rt
