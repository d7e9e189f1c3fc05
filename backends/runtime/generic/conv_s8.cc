// Integer convolution, exactly the contract of format.h:
//   acc:int32 = bias + Σ qx·qw (padding reads x's zero point; the compiler folded −zx·Σw into bias)
//   y = clamp(zy + rne(float(acc)·m [+ float(qr−zr)·mr])), or float(acc)·m for a float result
// A pixel's inputs are gathered into scratch in the weights' order (kh, kw, c), then meet one panel after the other.
#include "functions.h"
#include "generic/generic.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

void finish(const ConvS8& a, int64_t at, int64_t channel, int64_t lanes, const int32_t* acc) {
  for (int64_t j = 0; j < lanes; ++j) {
    float v = static_cast<float>(acc[j] + a.bias[channel + j]) * a.m[channel + j];
    if (a.y_f32) {
      static_cast<float*>(a.y)[at + j] = activate(a.activation, v, a.lo, a.hi);
      continue;
    }
    if (a.residual != nullptr) {
      const float r = static_cast<float>(a.residual[at + j] - a.residual_zero_point) * a.residual_m;
      v = v + r;
    }
    static_cast<uint8_t*>(a.y)[at + j] = requantize(v, a.y_zero_point, a.qlo, a.qhi);
  }
}

// All inputs one output pixel of one group sees, in the order of K.
void gather(const ConvS8& a, int64_t n, int64_t oy, int64_t ox, int64_t group, uint8_t* patch) {
  const ConvShape& s = a.s;
  const int64_t cg = s.c / s.groups;
  for (int64_t ky = 0; ky < s.kh; ++ky) {
    const int64_t iy = oy * s.stride_h - s.pad_h + ky * s.dil_h;
    for (int64_t kx = 0; kx < s.kw; ++kx, patch += cg) {
      const int64_t ix = ox * s.stride_w - s.pad_w + kx * s.dil_w;
      if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) {
        std::memset(patch, a.x_zero_point, static_cast<size_t>(cg));
      } else {
        std::memcpy(patch, a.x + ((n * s.h + iy) * s.w + ix) * s.c + group * cg, static_cast<size_t>(cg));
      }
    }
  }
}

int64_t depth(const ConvS8& a) { return a.s.kh * a.s.kw * (a.s.c / a.s.groups); }
int64_t quads(const ConvS8& a) { return ceil_div(depth(a), 4); }
int64_t tiles(const ConvS8& a) { return a.s.n * a.s.oh * a.s.ow; }
size_t scratch(const ConvS8& a) { return static_cast<size_t>(quads(a)) * 4; }

void run(const ConvS8& a, const void*, int64_t begin, int64_t end, void* memory) {
  const ConvShape& s = a.s;
  const int64_t og = s.oc / s.groups, panels = ceil_div(og, kPanelWidth), steps = quads(a);
  auto* patch = static_cast<uint8_t*>(memory);
  std::memset(patch + depth(a), 0, static_cast<size_t>(steps * 4 - depth(a)));
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t ox = tile % s.ow, oy = tile / s.ow % s.oh, n = tile / s.ow / s.oh;
    for (int64_t group = 0; group < s.groups; ++group) {
      gather(a, n, oy, ox, group, patch);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int8_t* w = a.w + (group * panels + panel) * steps * 64;
        int32_t acc[16] = {};
        for (int64_t k = 0; k < steps; ++k) {
          for (int64_t j = 0; j < kPanelWidth; ++j) {
            for (int64_t i = 0; i < 4; ++i) acc[j] += static_cast<int32_t>(patch[k * 4 + i]) * w[k * 64 + j * 4 + i];
          }
        }
        const int64_t first = panel * kPanelWidth, lanes = og - first < kPanelWidth ? og - first : kPanelWidth;
        finish(a, tile * s.oc + group * og + first, group * og + first, lanes, acc);
      }
    }
  }
}

void run_depthwise(const ConvS8& a, const void*, int64_t begin, int64_t end, void*) {
  const ConvShape& s = a.s;
  const int64_t padded = ceil_div(s.c, kPanelWidth) * kPanelWidth;
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t ox = tile % s.ow, oy = tile / s.ow % s.oh, n = tile / s.ow / s.oh;
    for (int64_t first = 0; first < s.c; first += kPanelWidth) {
      const int64_t lanes = s.c - first < kPanelWidth ? s.c - first : kPanelWidth;
      int32_t acc[16] = {};
      for (int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
        const int64_t iy = oy * s.stride_h - s.pad_h + tap / s.kw * s.dil_h, ix = ox * s.stride_w - s.pad_w + tap % s.kw * s.dil_w;
        const bool outside = iy < 0 || iy >= s.h || ix < 0 || ix >= s.w;
        const uint8_t* x = outside ? nullptr : a.x + ((n * s.h + iy) * s.w + ix) * s.c + first;
        for (int64_t j = 0; j < lanes; ++j) acc[j] += (outside ? a.x_zero_point : x[j]) * a.w[tap * padded + first + j];
      }
      finish(a, tile * s.c + first, first, lanes, acc);
    }
  }
}

}  // namespace

TiledKernel<ConvS8> generic_conv_s8() {
  return {.tiles = tiles, .scratch = scratch, .run = run, .name = "generic"};
}

TiledKernel<ConvS8> generic_depthwise_s8() {
  return {.accepts = [](const ConvS8& a) { return is_depthwise(a.s); }, .tiles = tiles, .run = run_depthwise, .name = "generic_depthwise"};
}

}  // namespace fastc::rt
