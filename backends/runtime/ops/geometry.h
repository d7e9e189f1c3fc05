// Shapes of windows over channels-last tensors, shared by convolution and pooling.
#pragma once

#include "ops/frames.h"

namespace fastc::rt {

// [N,C,T,H,W], [N,C,H,W] seen as T = 1, or [N,C,L] seen as T = H = 1, stored channels-last.
struct Volume {
  int64_t n, t, h, w, c;
};
bool as_volume(const Tensor& x, const char* what, Volume& volume, PrepareContext& c);
// The same without T.
struct Image {
  int64_t n, h, w, c;
};
bool as_image(const Tensor& t, const char* what, Image& image, PrepareContext& c);

// The window along T, which follows the op's own attributes where x has five axes (the reader has checked that); else one frame.
template <typename Attrs>
DepthAttrs depth_of(const Attrs& a, const Tensor& x) {
  return x.rank == 5 ? *reinterpret_cast<const DepthAttrs*>(&a + 1) : DepthAttrs{1, 1, 0, 0, 1, 0};
}

// x, y and attributes → ConvShape over images; checks y's size against the window's arithmetic, and groups. Where `frames` are needed the
// convolution reads what they give instead of x.
bool conv_shape(const Tensor& x, const Tensor& y, const ConvAttrs& a, const DepthAttrs& depth, ConvShape& s, Frames& frames, PrepareContext& c);
// The same for a linear layer over the last axis.
bool linear_shape(const Tensor& x, const Tensor& y, ConvShape& s, PrepareContext& c);

// Checks that `w` is a constant packed for this shape and as large as the packing says.
bool check_packed(const Tensor& w, const ConvShape& s, PrepareContext& c);
// A constant or computed vector with at least `count` elements; absent ones pass.
bool check_vector(const Tensor* v, int64_t count, const char* what, PrepareContext& c);

}  // namespace fastc::rt
