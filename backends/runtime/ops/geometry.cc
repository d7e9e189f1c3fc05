#include "ops/geometry.h"

#include "generic/generic.h"
#include "rounding.h"

namespace fastc::rt {

bool as_volume(const Tensor& x, const char* what, Volume& volume, PrepareContext& c) {
  if (x.rank < 3 || x.rank > 5 || !x.channels_last()) return misfit(c, "%s \"%s\" must have 3 to 5 axes, stored channels-last", what, x.name);
  volume = {x.shape[0], x.rank == 5 ? x.shape[2] : 1, x.rank == 3 ? 1 : x.shape[x.rank - 2], x.shape[x.rank - 1], x.shape[1]};
  return true;
}

bool as_image(const Tensor& t, const char* what, Image& image, PrepareContext& c) {
  if (t.rank == 5) return misfit(c, "%s \"%s\" must have 3 or 4 axes", what, t.name);
  Volume v{};
  if (!as_volume(t, what, v, c)) return false;
  image = {v.n, v.h, v.w, v.c};
  return true;
}

namespace {

// Output size of a convolution along one axis, or −1 when the window is larger than the padded input.
int64_t conv_size(int64_t in, const DepthAttrs& a) {
  const int64_t span = in + a.pad_begin + a.pad_end - int64_t{a.dilation} * (a.kernel - 1) - 1;
  return span < 0 ? -1 : span / a.stride + 1;
}
DepthAttrs axis_of(const ConvAttrs& a, int i) { return {a.kernel[i], a.stride[i], a.pad_begin[i], a.pad_end[i], a.dilation[i], 0}; }

// One tap that stays where it is.
bool is_point(const DepthAttrs& a) { return a.kernel == 1 && a.stride == 1 && a.pad_begin == 0 && a.pad_end == 0; }

// The convolution over T as one over images (format.h: DepthAttrs).
bool join_frames(const Volume& in, const Volume& out, const DepthAttrs& d, const Tensor& x, ConvShape& s, Frames& frames, PrepareContext& c) {
  const bool point = s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.oh == s.h && s.ow == s.w && s.pad_h == 0 && s.pad_w == 0;
  if (is_point(d)) return s.n *= in.t, true;
  if (point) {
    s.h = in.t, s.oh = out.t, s.w = s.ow = in.h * in.w;
    s.kh = d.kernel, s.stride_h = d.stride, s.pad_h = d.pad_begin, s.dil_h = d.dilation;
    return true;
  }
  frames = {in.n * out.t, in.t, out.t, in.h, in.w * s.groups, in.c / s.groups, d.kernel, d.stride, d.pad_begin, d.dilation,
            static_cast<int64_t>(dtype_bytes(x.dtype)), x.data};
  s.n = frames.images;
  const bool rows = static_cast<FrameJoin>(d.join) == FrameJoin::kRows;
  if (rows || d.kernel == 1) frames.parts = 1, frames.run = in.w * in.c;
  if (!rows) return s.c *= d.kernel, true;
  if (s.dil_h != 1) return misfit(c, "rows of several frames cannot be joined under a dilation of %lld", (long long)s.dil_h);
  s.h *= d.kernel, s.kh *= d.kernel, s.stride_h *= d.kernel, s.pad_h *= d.kernel;
  return true;
}

}  // namespace

bool conv_shape(const Tensor& x, const Tensor& y, const ConvAttrs& a, const DepthAttrs& depth, ConvShape& s, Frames& frames, PrepareContext& c) {
  frames = {};
  Volume in{}, out{};
  if (!as_volume(x, "the input", in, c) || !as_volume(y, "the output", out, c)) return false;
  s = {in.n, in.h, in.w, in.c, out.h, out.w, out.c, a.kernel[0], a.kernel[1], a.stride[0], a.stride[1],
       a.pad_begin[0], a.pad_begin[1], a.dilation[0], a.dilation[1], a.groups};
  const int64_t ot = conv_size(in.t, depth), oh = conv_size(in.h, axis_of(a, 0)), ow = conv_size(in.w, axis_of(a, 1));
  if (out.t != ot) return misfit(c, "its output has %lld frames, expected %lld", (long long)out.t, (long long)ot);
  if (out.n != in.n || out.h != oh || out.w != ow || x.rank != y.rank) {
    return misfit(c, "its output is %lld x %lld x %lld, expected %lld x %lld x %lld", (long long)out.n, (long long)out.h,
                  (long long)out.w, (long long)in.n, (long long)oh, (long long)ow);
  }
  if (in.c % a.groups != 0 || out.c % a.groups != 0) {
    return misfit(c, "%d groups do not divide %lld and %lld channels", a.groups, (long long)in.c, (long long)out.c);
  }
  return join_frames(in, out, depth, x, s, frames, c);
}

bool linear_shape(const Tensor& x, const Tensor& y, ConvShape& s, PrepareContext& c) {
  if (x.rank < 1 || x.rank != y.rank || x.channels_last() || y.channels_last()) {
    return misfit(c, "input and output must be plain and of one rank");
  }
  for (int32_t i = 0; i + 1 < x.rank; ++i) {
    if (x.shape[i] != y.shape[i]) return misfit(c, "axis %d is %lld before and %lld after", i, (long long)x.shape[i], (long long)y.shape[i]);
  }
  const int64_t in = x.shape[x.rank - 1], out = y.shape[y.rank - 1];
  s = {in == 0 ? 0 : x.elements / in, 1, 1, in, 1, 1, out, 1, 1, 1, 1, 0, 0, 1, 1, 1};
  if (in == 0) return misfit(c, "its input has no features");
  return true;
}

bool check_packed(const Tensor& w, const ConvShape& s, PrepareContext& c) {
  const int64_t panels = ceil_div(s.oc / s.groups, kPanelWidth);
  const int64_t k = saturating_product({s.kh, s.kw, s.c / s.groups});
  if (k > kMaxDim) return misfit(c, "one output sums more than %lld products", (long long)kMaxDim);
  const bool integer = w.dtype == DType::kS8;
  Packing expected = integer ? Packing::kPanel16x4 : Packing::kPanel16;
  int64_t bytes = saturating_product({s.groups, panels, kPanelWidth, integer ? ceil_div(k, 4) : k, 4});
  if (is_depthwise(s)) {
    expected = Packing::kDepthwise16;
    bytes = saturating_product({s.kh * s.kw, ceil_div(s.c, kPanelWidth), kPanelWidth, integer ? 1 : 4});
  }
  if (!w.constant || w.packing != expected) {
    return misfit(c, "its weight \"%s\" is not a constant in packing %d", w.name, static_cast<int>(expected));
  }
  if (w.bytes < static_cast<uint64_t>(bytes)) {
    return misfit(c, "its weight \"%s\" has %llu bytes, expected %lld", w.name, (unsigned long long)w.bytes, (long long)bytes);
  }
  return true;
}

bool check_vector(const Tensor* v, int64_t count, const char* what, PrepareContext& c) {
  if (v == nullptr || (v->elements == count && v->packing == Packing::kPlain)) return true;
  return misfit(c, "its %s \"%s\" has %lld elements, expected %lld", what, v->name, (long long)v->elements, (long long)count);
}

}  // namespace fastc::rt
