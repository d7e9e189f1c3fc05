// What makes a convolution over [N,C,T,H,W] one over images (format.h: DepthAttrs).
#pragma once

#include "op.h"

namespace fastc::rt {

// The frames that a window over T sees, joined into images (FrameJoin):
//   to[n, ot, h, part, k, run] = from[n, ot·stride − pad + k·dilation, h, part, run], or `fill` where there is no such frame
// Parts are all pixels and groups of a row, runs the channels of a group; or there is one part, the row. A tile is a row of one image.
struct Frames {
  int64_t images = 0, t, ot, h, parts, run, kernel, stride, pad, dilation, element;
  const uint8_t* from = nullptr;
  uint8_t* to = nullptr;
  int32_t fill = 0;  // of each byte: a u8 zero point, or 0

  bool needed() const { return images > 0; }
  int64_t tiles() const { return images * h; }
  uint64_t bytes() const;
  void copy(int64_t begin, int64_t end) const;
  static void run_tiles(const void* self, int64_t begin, int64_t end, void*) { static_cast<const Frames*>(self)->copy(begin, end); }
};

// An op that reads its input by way of frames where they are needed.
class FramedOp : public Op {
 protected:
  // What the kernel reads in place of x; adds the step that makes it, behind what the op has in its workspace so far.
  const uint8_t* framed(const Tensor& x, PrepareContext& c) {
    if (!frames_.needed()) return x.data;
    frames_.to = c.workspace + workspace_;
    workspace_ += frames_.bytes();
    add(Frames::run_tiles, &frames_, frames_.tiles());
    return frames_.to;
  }
  mutable Frames frames_;  // `fill` may be known only at run time
};

}  // namespace fastc::rt
