// Data movement: every one of these is one strided copy.
#include <algorithm>

#include "ops/copy.h"
#include "ops/make.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

class CopyOp : public Op {
 protected:
  // Cuts long single rows, so that a plain copy is shared among threads as well.
  void plan(StridedCopy copy, int64_t elements) {
    copy_ = copy;
    copy_.collapse();
    copy_.prefer_long_rows();
    elements_ = elements;
    if (elements == 0) return;
    if (copy_.rank == 1) {
      add(run_flat, this, chunks(copy_.shape[0]));
    } else {
      group_ = std::max<int64_t>(1, kChunk / copy_.shape[copy_.rank - 1]);
      add(run_rows, this, chunks(copy_.rows(), group_));
    }
  }

  bool same_type(const Tensor& x, const Tensor& y, PrepareContext& c) {
    return x.dtype == y.dtype || misfit(c, "\"%s\" is %s, \"%s\" is %s", x.name, dtype_name(x.dtype), y.name, dtype_name(y.dtype));
  }

 private:
  static void run_rows(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const CopyOp*>(self);
    op.copy_.run(begin * op.group_, std::min(end * op.group_, op.copy_.rows()));
  }
  static void run_flat(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const CopyOp*>(self);
    StridedCopy part = op.copy_;
    part.from_start += begin * kChunk * part.from_step[0], part.to_start += begin * kChunk * part.to_step[0];
    part.shape[0] = std::min(end * kChunk, op.copy_.shape[0]) - begin * kChunk;
    part.run(0, 1);
  }

  StridedCopy copy_;
  int64_t elements_ = 0, group_ = 1;
};

void dense_steps(const int64_t* shape, int32_t rank, int64_t* step) {
  int64_t next = 1;
  for (int32_t i = rank - 1; i >= 0; --i) step[i] = next, next *= shape[i];
}

StridedCopy between(const Tensor& x, const Tensor& y) {
  StridedCopy copy;
  copy.element = dtype_bytes(y.dtype);
  copy.from = x.data, copy.to = y.data;
  copy.rank = y.rank;
  std::copy_n(y.stored, y.rank, copy.shape);
  dense_steps(y.stored, y.rank, copy.to_step);
  return copy;
}

// y[i…] = x[perm]: stored axis i of y is stored axis perm[i] of x.
class Transpose final : public CopyOp {
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const PermuteAttrs*>(attributes);
    const Tensor &x = *in[0], &y = *out[0];
    if (!same_type(x, y, c)) return false;
    if (x.rank != y.rank) return misfit(c, "its input has %d axes, its output %d", x.rank, y.rank);
    StridedCopy copy = between(x, y);
    int64_t steps[kMaxRank];
    dense_steps(x.stored, x.rank, steps);
    uint32_t seen = 0;
    for (int32_t i = 0; i < x.rank; ++i) {
      const int32_t from = a.perm[i];
      if (from < 0 || from >= x.rank || (seen & (1u << from)) != 0) return misfit(c, "its permutation is not one");
      seen |= 1u << from;
      if (y.stored[i] != x.stored[from]) return misfit(c, "axis %d of its output is %lld, expected %lld", i, (long long)y.stored[i], (long long)x.stored[from]);
      copy.from_step[i] = steps[from];
    }
    plan(copy, y.elements);
    return true;
  }
};

// With one channel, or no spatial extent, channels-last is the plain order as well (lowering relies on it after global pooling).
bool lies_plain(const Tensor& t) {
  if (!t.channels_last() || t.shape[1] == 1) return true;
  for (int32_t i = 2; i < t.rank; ++i) {
    if (t.shape[i] != 1) return false;
  }
  return true;
}

class Reshape final : public CopyOp {
  bool prepare(Operands in, Operands out, const void*, PrepareContext& c) override {
    begin();
    const Tensor &x = *in[0], &y = *out[0];
    if (!same_type(x, y, c)) return false;
    if (x.elements != y.elements) return misfit(c, "%lld elements become %lld", (long long)x.elements, (long long)y.elements);
    if (!lies_plain(x) || !lies_plain(y)) return misfit(c, "it works on plain arrays only");
    if (x.data == y.data && x.data != nullptr) return true;
    StridedCopy copy;
    copy.element = dtype_bytes(y.dtype);
    copy.from = x.data, copy.to = y.data;
    copy.rank = 1, copy.shape[0] = y.elements, copy.from_step[0] = copy.to_step[0] = 1;
    plan(copy, y.elements);
    return true;
  }
};

// y[i] = x[start + i·step] along every stored axis; the ends follow from y's shape. Step 0 counts as 1.
class Slice final : public CopyOp {
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const SliceAttrs*>(attributes);
    const Tensor &x = *in[0], &y = *out[0];
    if (!same_type(x, y, c)) return false;
    if (x.rank != y.rank || x.channels_last() != y.channels_last()) return misfit(c, "its input and output differ in rank or layout");
    StridedCopy copy = between(x, y);
    int64_t steps[kMaxRank];
    dense_steps(x.stored, x.rank, steps);
    for (int32_t i = 0; i < x.rank; ++i) {
      const int64_t step = std::max<int64_t>(a.step[i], 1), count = y.stored[i];
      int64_t last = 0;
      if (count > 0 && (__builtin_mul_overflow(count - 1, step, &last) || last > kMaxDim * 2 || a.start[i] + last >= x.stored[i])) {
        return misfit(c, "it reads beyond axis %d of size %lld", i, (long long)x.stored[i]);
      }
      if (count == 0) continue;
      copy.from_start += a.start[i] * steps[i];
      copy.from_step[i] = step * steps[i];
    }
    plan(copy, y.elements);
    return true;
  }
};

// Broadcasting; step 0 repeats.
class Expand final : public CopyOp {
  bool prepare(Operands in, Operands out, const void*, PrepareContext& c) override {
    begin();
    const Tensor &x = *in[0], &y = *out[0];
    if (!same_type(x, y, c)) return false;
    StridedCopy copy = between(x, y);
    int64_t strides[kMaxRank];
    logical_strides(x, strides);
    if (x.rank > y.rank) return misfit(c, "its input has more axes than its output");
    for (int32_t axis = 0; axis < x.rank; ++axis) {
      const int32_t to = axis + y.rank - x.rank;
      if (x.shape[axis] != 1 && x.shape[axis] != y.shape[to]) return misfit(c, "axis %d of size %lld does not become %lld", axis, (long long)x.shape[axis], (long long)y.shape[to]);
      if (x.shape[axis] != 1) copy.from_step[stored_axis(y, to)] = strides[axis];
    }
    plan(copy, y.elements);
    return true;
  }
};

}  // namespace

std::unique_ptr<Op> make_transpose() { return std::make_unique<Transpose>(); }
std::unique_ptr<Op> make_reshape() { return std::make_unique<Reshape>(); }
std::unique_ptr<Op> make_slice() { return std::make_unique<Slice>(); }
std::unique_ptr<Op> make_expand() { return std::make_unique<Expand>(); }

}  // namespace fastc::rt
