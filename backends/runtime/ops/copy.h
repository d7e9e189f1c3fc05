// Copies between dense arrays through strides: transpose, slice, expand, concat, pad and layout changes are all this.
#pragma once

#include "tensor.h"

namespace fastc::rt {

// for every index i of `shape`: to[to_start + Σ i·to_step] = from[from_start + Σ i·from_step]. Elements of 1, 2, 4 or 8 bytes.
struct StridedCopy {
  int32_t rank = 0;
  int64_t shape[kMaxRank] = {}, from_step[kMaxRank] = {}, to_step[kMaxRank] = {};
  int64_t from_start = 0, to_start = 0;
  size_t element = 1;
  const uint8_t* from = nullptr;
  uint8_t* to = nullptr;

  // Joins neighbouring axes that are walked as one; after it a plain copy has rank 1.
  void collapse();
  // Makes the longer of the last two axes the inner one where the inner is very short: a copy may go in any order.
  void prefer_long_rows();
  int64_t rows() const;  // product of all axes but the last
  void run(int64_t row_begin, int64_t row_end) const;
};

// A copy of x into y's layout; both have one logical shape.
StridedCopy relayout(const Tensor& x, const Tensor& y);

}  // namespace fastc::rt
