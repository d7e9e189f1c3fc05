// Walking several operands that broadcast against a result, in the result's memory order, whatever layout each of them has.
#pragma once

#include "op.h"

namespace fastc::rt {

template <int kOperands>
struct Broadcast {
  int32_t rank = 0;
  int64_t shape[kMaxRank] = {};              // of the result, in stored order, neighbouring axes joined
  int64_t step[kOperands][kMaxRank] = {};    // element steps; 0 along broadcast axes

  int64_t row() const { return shape[rank - 1]; }
  int64_t rows() const {
    int64_t rows = 1;
    for (int32_t i = 0; i + 1 < rank; ++i) rows *= shape[i];
    return rows;
  }
  // Where row `r` begins in operand `operand`.
  int64_t start(int operand, int64_t r) const {
    int64_t at = 0;
    for (int32_t i = rank - 2; i >= 0; --i) {
      at += r % shape[i] * step[operand][i];
      r /= shape[i];
    }
    return at;
  }
};

// numpy's rule: axes are aligned at the end; a size of 1 (or a missing axis) repeats.
template <int kOperands>
bool plan_broadcast(const Tensor* const (&operands)[kOperands], const Tensor& y, Broadcast<kOperands>& b, PrepareContext& c) {
  int64_t shape[kMaxRank], step[kOperands][kMaxRank] = {};
  for (int32_t axis = 0; axis < y.rank; ++axis) shape[stored_axis(y, axis)] = y.shape[axis];
  for (int n = 0; n < kOperands; ++n) {
    const Tensor& t = *operands[n];
    int64_t strides[kMaxRank];
    logical_strides(t, strides);
    for (int32_t axis = 0; axis < t.rank; ++axis) {
      const int32_t to = axis + y.rank - t.rank;
      if (to < 0 ? t.shape[axis] != 1 : (t.shape[axis] != y.shape[to] && t.shape[axis] != 1)) {
        return misfit(c, "\"%s\" does not broadcast to \"%s\"", t.name, y.name);
      }
      if (to >= 0) step[n][stored_axis(y, to)] = t.shape[axis] == 1 ? 0 : strides[axis];
    }
    // Written over while it is still read: only element by element.
    if (t.data != nullptr && t.data == y.data && (t.elements != y.elements || t.channels_last() != y.channels_last())) {
      return misfit(c, "\"%s\" cannot be computed in place of \"%s\"", y.name, t.name);
    }
  }
  b.rank = 0;
  for (int32_t i = 0; i < y.rank; ++i) {
    if (shape[i] == 1) continue;
    bool joins = b.rank > 0;
    for (int n = 0; n < kOperands && joins; ++n) joins = b.step[n][b.rank - 1] == step[n][i] * shape[i];
    if (!joins) b.shape[b.rank++] = 1;
    b.shape[b.rank - 1] *= shape[i];
    for (int n = 0; n < kOperands; ++n) b.step[n][b.rank - 1] = step[n][i];
  }
  if (b.rank == 0) {
    b.rank = 1, b.shape[0] = 1;
    for (int n = 0; n < kOperands; ++n) b.step[n][0] = 1;
  }
  return true;
}

}  // namespace fastc::rt
