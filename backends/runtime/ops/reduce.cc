// Reductions over any set of stored axes. Axes are merged into [kept, reduced] runs; the two common cases, reduced axes last and
// kept axes last, walk memory in order. f32 sums are taken in double.
#include <algorithm>
#include <limits>

#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

class ReduceOp final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const ReduceAttrs*>(attributes);
    x_ = in[0], y_ = out[0], op_ = static_cast<Reduce>(a.op);
    if (x_->dtype != y_->dtype) return misfit(c, "its input is %s, its output %s", dtype_name(x_->dtype), dtype_name(y_->dtype));
    kept_ = reduced_ = 0;
    count_of_reduced_ = 1;
    int64_t step = 1, kept = 1;
    for (int32_t i = x_->rank - 1; i >= 0; --i) {
      const bool reduces = (a.axes_mask >> i) & 1u;
      (reduces ? reduced_axes_[reduced_++] : kept_axes_[kept_++]) = {x_->stored[i], step};
      (reduces ? count_of_reduced_ : kept) *= x_->stored[i];
      step *= x_->stored[i];
    }
    if (kept != y_->elements) return misfit(c, "its output has %lld elements, expected %lld", (long long)y_->elements, (long long)kept);
    if (count_of_reduced_ == 0 && op_ != Reduce::kSum) return misfit(c, "it reduces an axis of size 0");
    const bool integer = x_->dtype == DType::kU8 || x_->dtype == DType::kS16;
    if (integer && op_ != Reduce::kMax && op_ != Reduce::kMin && (op_ != Reduce::kMean || !(x_->scale > 0) || !(y_->scale > 0))) {
      return misfit(c, "on quantized values only max, min and mean are there");
    }
    return pick(c);
  }

 private:
  struct Axis {
    int64_t size, step;
  };

  bool pick(PrepareContext& c) {
    const auto work = [&]() -> void (*)(const void*, int64_t, int64_t, void*) {
      switch (x_->dtype) {
        case DType::kF32: return run<float, double>;
        case DType::kF64: return run<double, double>;
        case DType::kI64: return run<int64_t, int64_t>;
        case DType::kI32: return run<int32_t, int64_t>;
        case DType::kU8: return run<uint8_t, int64_t>;
        case DType::kS16: return run<int16_t, int64_t>;
        case DType::kBool: return op_ == Reduce::kMax || op_ == Reduce::kMin ? run<uint8_t, int64_t> : nullptr;  // any, all
        default: return nullptr;
      }
    }();
    if (work == nullptr) return misfit(c, "this reduction of %s is not there", dtype_name(x_->dtype));
    group_ = std::max<int64_t>(1, kChunk / std::max<int64_t>(1, count_of_reduced_));
    add(work, this, chunks(y_->elements, group_));
    return true;
  }

  static int64_t offset(const Axis* axes, int count, int64_t index) {
    int64_t at = 0;
    for (int i = 0; i < count; ++i) {  // innermost axis first
      at += index % axes[i].size * axes[i].step;
      index /= axes[i].size;
    }
    return at;
  }

  template <typename T, typename Sum>
  Sum fold(const T* x) const {
    Sum sum = 0;
    T best = op_ == Reduce::kMax || op_ == Reduce::kMin ? x[0] : T{0};
    // The innermost reduced axis is a loop; the others are counted through.
    const Axis inner = reduced_ > 0 ? reduced_axes_[0] : Axis{1, 1};
    const int64_t outer = inner.size == 0 ? 0 : count_of_reduced_ / inner.size;
    for (int64_t o = 0; o < outer; ++o) {
      const T* run = x + offset(reduced_axes_ + 1, reduced_ - 1, o);
      if (op_ == Reduce::kMax) {
        for (int64_t i = 0; i < inner.size; ++i) best = run[i * inner.step] > best || run[i * inner.step] != run[i * inner.step] ? run[i * inner.step] : best;
      } else if (op_ == Reduce::kMin) {
        for (int64_t i = 0; i < inner.size; ++i) best = run[i * inner.step] < best || run[i * inner.step] != run[i * inner.step] ? run[i * inner.step] : best;
      } else {
        for (int64_t i = 0; i < inner.size; ++i) sum += static_cast<Sum>(run[i * inner.step]);
      }
    }
    return op_ == Reduce::kMax || op_ == Reduce::kMin ? static_cast<Sum>(best) : sum;
  }

  template <typename T, typename Sum>
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& r = *static_cast<const ReduceOp*>(self);
    const int64_t n = r.count_of_reduced_;
    for (int64_t i = begin * r.group_; i < std::min(end * r.group_, r.y_->elements); ++i) {
      const Sum value = r.fold<T, Sum>(r.x_->as<const T>() + offset(r.kept_axes_, r.kept_, i));
      T& y = r.y_->as<T>()[i];
      if constexpr (sizeof(T) <= 2) {
        if (r.op_ == Reduce::kMean) {
          const auto m = static_cast<float>(static_cast<double>(r.x_->scale) / (static_cast<double>(r.y_->scale) * static_cast<double>(n)));
          y = requantize<T>(static_cast<float>(value - n * r.x_->zero_point) * m, r.y_->zero_point);
          continue;
        }
      }
      y = static_cast<T>(r.op_ == Reduce::kMean ? value / static_cast<Sum>(n) : value);
    }
  }

  const Tensor *x_ = nullptr, *y_ = nullptr;
  Reduce op_ = Reduce::kSum;
  Axis kept_axes_[kMaxRank] = {}, reduced_axes_[kMaxRank + 1] = {};
  int kept_ = 0, reduced_ = 0;
  int64_t count_of_reduced_ = 1, group_ = 1;
};

// y[i] = Σ_{j ≤ i} x[j] along a stored axis. A tile is one line.
class Cumsum final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const int32_t axis = static_cast<const AxisAttrs*>(attributes)->axis;
    x_ = in[0], y_ = out[0];
    if (x_->dtype != y_->dtype || !same_stored_shape(*x_, *y_) || axis >= x_->rank) return misfit(c, "its input and output differ, or its axis is beyond them");
    size_ = x_->stored[axis], inner_ = 1;
    for (int32_t i = axis + 1; i < x_->rank; ++i) inner_ *= x_->stored[i];
    const auto work = x_->dtype == DType::kF32 ? run<float, double> : x_->dtype == DType::kF64 ? run<double, double> :
                      x_->dtype == DType::kI64 ? run<int64_t, uint64_t> : run<int32_t, uint32_t>;
    add(work, this, y_->elements == 0 ? 0 : y_->elements / size_);
    return true;
  }

 private:
  template <typename T, typename Sum>
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& s = *static_cast<const Cumsum*>(self);
    for (int64_t line = begin; line < end; ++line) {
      const int64_t at = line / s.inner_ * s.size_ * s.inner_ + line % s.inner_;
      Sum sum = 0;
      for (int64_t i = 0; i < s.size_; ++i) {
        sum += static_cast<Sum>(s.x_->as<const T>()[at + i * s.inner_]);
        s.y_->as<T>()[at + i * s.inner_] = static_cast<T>(sum);
      }
    }
  }

  const Tensor *x_ = nullptr, *y_ = nullptr;
  int64_t size_ = 1, inner_ = 1;
};

}  // namespace

std::unique_ptr<Op> make_reduce() { return std::make_unique<ReduceOp>(); }
std::unique_ptr<Op> make_cumsum() { return std::make_unique<Cumsum>(); }

}  // namespace fastc::rt
