// Shapes of windows over channels-last tensors, shared by convolution and pooling.
#pragma once

#include "op.h"

namespace fastc::rt {

// [N,C,H,W], or [N,C,L] seen as H = 1, stored channels-last.
struct Image {
  int64_t n, h, w, c;
};
bool as_image(const Tensor& t, const char* what, Image& image, PrepareContext& c);

// x, y and attributes → ConvShape; checks y's size against the window's arithmetic, and groups.
bool conv_shape(const Tensor& x, const Tensor& y, const ConvAttrs& a, ConvShape& s, PrepareContext& c);
// The same for a linear layer over the last axis.
bool linear_shape(const Tensor& x, const Tensor& y, ConvShape& s, PrepareContext& c);

// Checks that `w` is a constant packed for this shape and as large as the packing says.
bool check_packed(const Tensor& w, const ConvShape& s, PrepareContext& c);
// A constant or computed vector with at least `count` elements; absent ones pass.
bool check_vector(const Tensor* v, int64_t count, const char* what, PrepareContext& c);

}  // namespace fastc::rt
