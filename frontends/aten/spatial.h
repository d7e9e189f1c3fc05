// What the ops over spatial axes share.
#pragma once

#include "frontends/aten/lowering.h"

namespace fastc::aten {

// 1d or 2d, out of the op's name.
inline int64_t spatial_of(const Call& call) { return call.op.find("1d") != std::string::npos ? 1 : 2; }

inline Status expect_batched(const Lowering& l, const TensorArg& x, int64_t spatial) {
  if (l.rank(x) == spatial + 2) return {};
  return input_error("expected an input of {} axes with the batch first, found [{}]", spatial + 2, shape_text(l.shape(x)));
}

}  // namespace fastc::aten
