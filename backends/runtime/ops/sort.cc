// Where the elements of a line stand in order. One comparison for all types: each has whole numbers that are ordered as its own.
#include <bit>
#include <utility>

#include "ops/make.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// −0 is 0, and NaN the largest.
int64_t key_of(double x) {
  if (x != x) return INT64_MAX;
  const auto bits = std::bit_cast<int64_t>(x == 0 ? 0.0 : x);
  return bits < 0 ? bits ^ INT64_MAX : bits;
}

// y[…, i] = the place of the i-th element of x[…, :]. A tile is one line.
class Argsort final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& attrs = *static_cast<const AxisAttrs*>(attributes);
    x_ = in[0], y_ = out[0], descending_ = (attrs.flags & 1) != 0;
    if (!same_stored_shape(*x_, *y_) || attrs.axis != x_->rank - 1) return misfit(c, "its input and output differ, or its axis is not the last");
    size_ = x_->stored[attrs.axis];
    add(run, this, y_->elements == 0 ? 0 : y_->elements / size_);
    return true;
  }

 private:
  int64_t key(int64_t at) const {
    switch (x_->dtype) {
      case DType::kF32: return key_of(static_cast<double>(x_->as<const float>()[at]));
      case DType::kF64: return key_of(x_->as<const double>()[at]);
      case DType::kI64: return x_->as<const int64_t>()[at];
      default: return x_->as<const int32_t>()[at];
    }
  }

  // No two places are equal, so that any sort keeps equal elements as they come.
  [[gnu::noinline]] bool before(int64_t first, int64_t a, int64_t b) const {
    const int64_t p = key(first + a), q = key(first + b);
    return p == q ? a < b : descending_ ? p > q : p < q;
  }

  // The heap below `at` has its last place on top again.
  [[gnu::noinline]] void sift(int64_t* y, int64_t first, int64_t at, int64_t size) const {
    for (int64_t child = 2 * at + 1; child < size; at = child, child = 2 * at + 1) {
      if (child + 1 < size && before(first, y[child], y[child + 1])) ++child;
      if (before(first, y[child], y[at])) return;
      std::swap(y[at], y[child]);
    }
  }

  // A heap sort: in place, never worse than n·log n, and a tenth of std::sort's code.
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& s = *static_cast<const Argsort*>(self);
    for (int64_t line = begin; line < end; ++line) {
      const int64_t first = line * s.size_;
      int64_t* const y = s.y_->as<int64_t>() + first;
      for (int64_t i = 0; i < s.size_; ++i) y[i] = i;
      for (int64_t at = s.size_ / 2; at-- > 0;) s.sift(y, first, at, s.size_);
      for (int64_t last = s.size_ - 1; last > 0; --last) {
        std::swap(y[0], y[last]);
        s.sift(y, first, 0, last);
      }
    }
  }

  const Tensor *x_ = nullptr, *y_ = nullptr;
  bool descending_ = false;
  int64_t size_ = 1;
};

}  // namespace

std::unique_ptr<Op> make_argsort() { return std::make_unique<Argsort>(); }

}  // namespace fastc::rt
