// A value while it is being computed: where it lies, and its shape in logical order and in the order it is stored in.
#pragma once

#include "plan.h"

namespace fastc::rt {

struct Tensor {
  uint8_t* data = nullptr;  // constants: in the artifact or decoded from it, never written
  const char* name = "";
  DType dtype = DType::kF32;
  Layout layout = Layout::kPlain;
  Packing packing = Packing::kPlain;
  Coding coding = Coding::kNone;  // what its data were in the file
  bool constant = false;
  int32_t rank = 0;
  int64_t shape[kMaxRank] = {};   // logical
  int64_t stored[kMaxRank] = {};  // axis 1 moved to the end when channels-last
  int64_t elements = 0;
  uint64_t bytes = 0;
  float scale = 0;
  int32_t zero_point = 0;

  template <typename T>
  T* as() const { return reinterpret_cast<T*>(data); }
  bool channels_last() const { return layout == Layout::kChannelsLast && rank > 2; }
};

// Where logical axis `axis` lies among the stored axes.
inline int32_t stored_axis(const Tensor& t, int32_t axis) {
  if (!t.channels_last() || axis == 0) return axis;
  return axis == 1 ? t.rank - 1 : axis - 1;
}

// Element strides of the stored (dense) array, one a logical axis.
inline void logical_strides(const Tensor& t, int64_t strides[kMaxRank]) {
  int64_t stored[kMaxRank] = {};
  int64_t step = 1;
  for (int32_t i = t.rank - 1; i >= 0; --i) {
    stored[i] = step;
    step *= t.stored[i];
  }
  for (int32_t i = 0; i < t.rank; ++i) strides[i] = stored[stored_axis(t, i)];
}

inline void set_shape(Tensor& t, const Extent& extent) {
  t.rank = extent.rank;
  t.elements = extent.elements;
  t.bytes = extent.bytes;
  for (int32_t i = 0; i < t.rank; ++i) t.shape[i] = extent.shape[i];
  for (int32_t i = 0; i < t.rank; ++i) t.stored[stored_axis(t, i)] = t.shape[i];
}

inline bool same_stored_shape(const Tensor& a, const Tensor& b) {
  if (a.rank != b.rank) return false;
  for (int32_t i = 0; i < a.rank; ++i) {
    if (a.stored[i] != b.stored[i]) return false;
  }
  return true;
}

}  // namespace fastc::rt
