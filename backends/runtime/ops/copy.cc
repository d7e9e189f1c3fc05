#include "ops/copy.h"

#include <cstring>
#include <utility>

namespace fastc::rt {
namespace {

template <typename T>
void copy_row(const uint8_t* from, int64_t from_step, uint8_t* to, int64_t to_step, int64_t count) {
  const T* source = reinterpret_cast<const T*>(from);
  T* target = reinterpret_cast<T*>(to);
  if (to_step == 1 && from_step == 1) {
    std::memcpy(target, source, static_cast<size_t>(count) * sizeof(T));
  } else if (to_step == 1) {
    for (int64_t i = 0; i < count; ++i) target[i] = source[i * from_step];
  } else {
    for (int64_t i = 0; i < count; ++i) target[i * to_step] = source[i * from_step];
  }
}

}  // namespace

void StridedCopy::collapse() {
  int32_t kept = 0;
  for (int32_t i = 0; i < rank; ++i) {
    if (shape[i] == 1) continue;
    const bool joins = kept > 0 && from_step[kept - 1] == from_step[i] * shape[i] && to_step[kept - 1] == to_step[i] * shape[i];
    if (joins) {
      shape[kept - 1] *= shape[i], from_step[kept - 1] = from_step[i], to_step[kept - 1] = to_step[i];
    } else {
      shape[kept] = shape[i], from_step[kept] = from_step[i], to_step[kept] = to_step[i];
      ++kept;
    }
  }
  if (kept == 0) shape[0] = 1, from_step[0] = to_step[0] = 1, kept = 1;
  rank = kept;
}

void StridedCopy::prefer_long_rows() {
  if (rank < 2 || shape[rank - 1] >= 16 || shape[rank - 2] <= shape[rank - 1]) return;
  std::swap(shape[rank - 1], shape[rank - 2]);
  std::swap(from_step[rank - 1], from_step[rank - 2]);
  std::swap(to_step[rank - 1], to_step[rank - 2]);
}

int64_t StridedCopy::rows() const {
  int64_t rows = 1;
  for (int32_t i = 0; i + 1 < rank; ++i) rows *= shape[i];
  return rows;
}

void StridedCopy::run(int64_t row_begin, int64_t row_end) const {
  const int32_t outer = rank - 1;
  int64_t index[kMaxRank] = {};
  int64_t source = from_start, target = to_start, rest = row_begin;
  for (int32_t i = outer - 1; i >= 0; --i) {
    index[i] = rest % shape[i];
    rest /= shape[i];
    source += index[i] * from_step[i], target += index[i] * to_step[i];
  }
  const auto copy = element == 1 ? copy_row<uint8_t> : element == 2 ? copy_row<uint16_t> : element == 4 ? copy_row<uint32_t> : copy_row<uint64_t>;
  const auto bytes = static_cast<int64_t>(element);
  for (int64_t row = row_begin; row < row_end; ++row) {
    copy(from + source * bytes, from_step[outer], to + target * bytes, to_step[outer], shape[outer]);
    for (int32_t i = outer - 1; i >= 0; --i) {  // the next index, like an odometer
      source += from_step[i], target += to_step[i];
      if (++index[i] < shape[i]) break;
      source -= from_step[i] * shape[i], target -= to_step[i] * shape[i];
      index[i] = 0;
    }
  }
}

StridedCopy relayout(const Tensor& x, const Tensor& y) {
  StridedCopy copy;
  int64_t from[kMaxRank], to[kMaxRank];
  logical_strides(x, from);
  logical_strides(y, to);
  copy.rank = y.rank;
  for (int32_t axis = 0; axis < y.rank; ++axis) {  // walked in the order of y's memory
    const int32_t at = stored_axis(y, axis);
    copy.shape[at] = y.shape[axis], copy.from_step[at] = from[axis], copy.to_step[at] = to[axis];
  }
  copy.element = dtype_bytes(y.dtype);
  copy.from = x.data, copy.to = y.data;
  copy.collapse();
  return copy;
}

}  // namespace fastc::rt
