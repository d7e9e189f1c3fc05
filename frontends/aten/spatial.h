// What the ops over spatial axes share.
#pragma once

#include "frontends/aten/lowering.h"

namespace fastc::aten {

// 1d, 2d or 3d, out of the op's name.
inline int64_t spatial_of(const Call& call) {
  const auto says = [&](const char* axes) { return call.op.find(axes) != std::string::npos; };
  return says("1d") ? 1 : says("3d") ? 3 : 2;
}

inline Status expect_batched(const Lowering& l, const TensorArg& x, int64_t spatial) {
  if (l.rank(x) == spatial + 2) return {};
  return input_error("expected an input of {} axes with the batch first, found [{}]", spatial + 2, shape_text(l.shape(x)));
}

}  // namespace fastc::aten
