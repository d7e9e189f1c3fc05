// Ops that read where other data says: embedding, gather, index_select. An index outside its table reads row 0 and is
// remembered; the session then refuses the run with a sentence.
#include <atomic>
#include <cstring>

#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

class Indexed : public Op {
 public:
  bool check(Error& error) override {
    if (!failed_.load(std::memory_order_relaxed)) return true;
    failed_.store(false, std::memory_order_relaxed);
    return fail(error, FASTC_RT_BAD_ARGUMENT, "op \"%s\": index %lld is outside [0, %lld)", name_, (long long)bad_.load(std::memory_order_relaxed), (long long)limit_);
  }

 protected:
  // x: the data; index: the positions along its stored axis.
  bool set(const Tensor& x, const Tensor& index, const Tensor& y, int64_t limit, PrepareContext& c) {
    begin();
    checks_ = true;
    x_ = &x, index_ = &index, y_ = &y, limit_ = limit, name_ = c.name;
    if (x.dtype != y.dtype) return misfit(c, "its input is %s, its output %s", dtype_name(x.dtype), dtype_name(y.dtype));
    element_ = static_cast<int64_t>(dtype_bytes(y.dtype));
    return limit > 0 || y.elements == 0 || misfit(c, "its table is empty");
  }

  // Counted from the end when negative, as Python does.
  int64_t position(int64_t at) const {
    const int64_t given = index_->dtype == DType::kI64 ? index_->as<const int64_t>()[at] : index_->as<const int32_t>()[at];
    const int64_t index = given < 0 ? given + limit_ : given;
    if (index >= 0 && index < limit_) return index;
    bad_.store(given, std::memory_order_relaxed);
    failed_.store(true, std::memory_order_relaxed);
    return 0;
  }

  const Tensor *x_ = nullptr, *index_ = nullptr, *y_ = nullptr;
  int64_t limit_ = 0, element_ = 1;
  const char* name_ = "";

 private:
  mutable std::atomic<bool> failed_{false};
  mutable std::atomic<int64_t> bad_{0};
};

// numpy's take along a stored axis: y[o, i…, r] = x[o, index[i…], r]. Embedding is the case axis = 0.
class Take final : public Indexed {
 public:
  explicit Take(bool has_axis) : has_axis_(has_axis) {}

  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    const int32_t axis = has_axis_ ? static_cast<const AxisAttrs*>(attributes)->axis : 0;
    const Tensor &x = *in[0], &index = *in[1], &y = *out[0];
    if (axis >= x.rank) return misfit(c, "its axis %d is beyond rank %d", axis, x.rank);
    if (!set(x, index, y, x.stored[axis], c)) return false;
    int64_t outer = 1;
    row_ = 1;
    for (int32_t i = 0; i < axis; ++i) outer *= x.stored[i];
    for (int32_t i = axis + 1; i < x.rank; ++i) row_ *= x.stored[i];
    if (saturating_product({outer, index.elements, row_}) != y.elements) return misfit(c, "its output has %lld elements, which does not fit its input and indices", (long long)y.elements);
    add(run, this, y.elements == 0 ? 0 : outer * index.elements);
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& t = *static_cast<const Take*>(self);
    const int64_t bytes = t.row_ * t.element_;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t outer = i / t.index_->elements, from = outer * t.limit_ + t.position(i % t.index_->elements);
      std::memcpy(t.y_->data + i * bytes, t.x_->data + from * bytes, static_cast<size_t>(bytes));
    }
  }

  const bool has_axis_;
  int64_t row_ = 1;
};

// torch.gather along a stored axis: y[i] = x[i with i[axis] := index[i]]; other axes of index may be shorter than x's.
class Gather final : public Indexed {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    axis_ = static_cast<const AxisAttrs*>(attributes)->axis;
    const Tensor &x = *in[0], &index = *in[1], &y = *out[0];
    if (axis_ >= x.rank || !same_stored_shape(index, y) || x.rank != y.rank) return misfit(c, "its index and output must be of one shape and its input of one rank with them");
    for (int32_t i = 0; i < x.rank; ++i) {
      if (i != axis_ && index.stored[i] > x.stored[i]) return misfit(c, "axis %d of its index is longer than its input's", i);
    }
    if (!set(x, index, y, x.stored[axis_], c)) return false;
    add(run, this, chunks(y.elements));
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& g = *static_cast<const Gather*>(self);
    for (int64_t i = begin * kChunk; i < end * kChunk && i < g.y_->elements; ++i) {
      int64_t rest = i, from = 0, step = 1;
      for (int32_t axis = g.x_->rank - 1; axis >= 0; --axis) {
        const int64_t at = rest % g.y_->stored[axis];
        rest /= g.y_->stored[axis];
        from += (axis == g.axis_ ? g.position(i) : at) * step;
        step *= g.x_->stored[axis];
      }
      std::memcpy(g.y_->data + i * g.element_, g.x_->data + from * g.element_, static_cast<size_t>(g.element_));
    }
  }

  int32_t axis_ = 0;
};

}  // namespace

std::unique_ptr<Op> make_embedding() { return std::make_unique<Take>(false); }
std::unique_ptr<Op> make_index_select() { return std::make_unique<Take>(true); }
std::unique_ptr<Op> make_gather() { return std::make_unique<Gather>(); }

}  // namespace fastc::rt
