// Same shape in and out: unary functions, batch norm, the integer add.
#include <algorithm>
#include <cmath>

#include "functions.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

bool same_shape(const Tensor& x, const Tensor& y, PrepareContext& c) {
  if (same_stored_shape(x, y) && x.channels_last() == y.channels_last()) return true;
  return misfit(c, "\"%s\" and \"%s\" differ in shape or layout", x.name, y.name);
}

class Unary final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const UnaryAttrs*>(attributes);
    x_ = in[0], y_ = out[0];
    if (!same_shape(*x_, *y_, c)) return false;
    if (x_->dtype != y_->dtype) return misfit(c, "its input is %s, its output %s", dtype_name(x_->dtype), dtype_name(y_->dtype));
    op_ = static_cast<Activation>(a_.activation);
    row_ = y_->dtype == DType::kF32 ? first_row_kernel(c.kernels, &KernelTable::unary_f32, &isa_) : nullptr;
    if (!pick(c)) return false;
    add(work_, this, chunks(y_->elements));
    return true;
  }

 private:
  bool pick(PrepareContext& c) {
    const bool clamps = op_ == Activation::kIdentity || op_ == Activation::kRelu || op_ == Activation::kClip;
    switch (y_->dtype) {
      case DType::kF32: work_ = floats; return true;
      case DType::kU8:
      case DType::kS16:
        work_ = y_->dtype == DType::kU8 ? clamped<uint8_t> : clamped<int16_t>;
        return clamps || misfit(c, "of the functions only relu and clip work on quantized values");
      case DType::kBool:
        work_ = booleans;
        return op_ == Activation::kNot || misfit(c, "of the functions only not works on truth values");
      case DType::kI64: work_ = numbers<int64_t>; break;
      case DType::kI32: work_ = numbers<int32_t>; break;
      case DType::kF64: work_ = numbers<double>; break;
      default: break;
    }
    const bool exact = clamps || op_ == Activation::kNeg || op_ == Activation::kAbs;
    return exact || misfit(c, "function %u is not there for %s", a_.activation, dtype_name(y_->dtype));
  }

  static void floats(const void* self, int64_t begin, int64_t end, void*) {
    const auto& u = *static_cast<const Unary*>(self);
    const int64_t first = begin * kChunk, last = std::min(end * kChunk, u.y_->elements);
    const float* x = u.x_->as<const float>();
    float* y = u.y_->as<float>();
    if (u.row_ != nullptr) return u.row_(u.op_, x + first, y + first, last - first, u.a_.lo, u.a_.hi);
    for (int64_t i = first; i < last; ++i) y[i] = activate(u.op_, x[i], u.a_.lo, u.a_.hi);
  }

  template <typename T>
  static void clamped(const void* self, int64_t begin, int64_t end, void*) {
    const auto& u = *static_cast<const Unary*>(self);
    const auto lo = static_cast<T>(u.a_.qlo), hi = static_cast<T>(u.a_.qhi);
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, u.y_->elements); ++i) u.y_->as<T>()[i] = std::clamp(u.x_->as<const T>()[i], lo, hi);
  }

  static void booleans(const void* self, int64_t begin, int64_t end, void*) {
    const auto& u = *static_cast<const Unary*>(self);
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, u.y_->elements); ++i) u.y_->data[i] = u.x_->data[i] == 0;
  }

  template <typename T>
  static void numbers(const void* self, int64_t begin, int64_t end, void*) {
    const auto& u = *static_cast<const Unary*>(self);
    const T* x = u.x_->as<const T>();
    T* y = u.y_->as<T>();
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, u.y_->elements); ++i) {
      switch (u.op_) {
        case Activation::kNeg: y[i] = T(0) - x[i]; break;
        case Activation::kAbs: y[i] = x[i] < 0 ? T(0) - x[i] : x[i]; break;
        case Activation::kRelu: y[i] = x[i] > 0 ? x[i] : T(0); break;
        case Activation::kClip: y[i] = x[i] < T(u.a_.lo) ? T(u.a_.lo) : (x[i] > T(u.a_.hi) ? T(u.a_.hi) : x[i]); break;
        default: y[i] = x[i]; break;
      }
    }
  }

  UnaryAttrs a_{};
  Activation op_ = Activation::kIdentity;
  const Tensor *x_ = nullptr, *y_ = nullptr;
  void (*work_)(const void*, int64_t, int64_t, void*) = nullptr;
  decltype(KernelTable::unary_f32) row_ = nullptr;
};

// y = act(x·scale[c] + shift[c]) along logical axis 1. A tile is a chunk of rows of the inner axis.
class BatchNorm final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const UnaryAttrs*>(attributes);
    x_ = in[0], y_ = out[0], scale_ = in[1], shift_ = in[2];
    if (!same_shape(*x_, *y_, c)) return false;
    if (x_->rank < 2) return misfit(c, "its input has no channel axis");
    channels_ = x_->shape[1];
    if (scale_->elements != channels_ || shift_->elements != channels_) return misfit(c, "its scale or shift does not have %lld channels", (long long)channels_);
    inner_ = 1;
    for (int32_t i = 2; i < x_->rank && !x_->channels_last(); ++i) inner_ *= x_->shape[i];
    add(run, this, chunks(y_->elements));
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& b = *static_cast<const BatchNorm*>(self);
    const float *x = b.x_->as<const float>(), *scale = b.scale_->as<const float>(), *shift = b.shift_->as<const float>();
    float* y = b.y_->as<float>();
    const auto op = static_cast<Activation>(b.a_.activation);
    const int64_t last = std::min(end * kChunk, b.y_->elements);
    for (int64_t i = begin * kChunk; i < last;) {
      // A run of elements that share a channel (plain), or walk through the channels (channels-last: inner_ is 1).
      const int64_t channel = i / b.inner_ % b.channels_;
      const int64_t stop = b.inner_ > 1 ? std::min(last, (i / b.inner_ + 1) * b.inner_) : std::min(last, i - channel + b.channels_);
      if (b.inner_ > 1) {
        for (int64_t j = i; j < stop; ++j) y[j] = x[j] * scale[channel] + shift[channel];
      } else {
        for (int64_t j = i; j < stop; ++j) y[j] = x[j] * scale[channel + j - i] + shift[channel + j - i];
      }
      if (op != Activation::kIdentity) {
        for (int64_t j = i; j < stop; ++j) y[j] = activate(op, y[j], b.a_.lo, b.a_.hi);
      }
      i = stop;
    }
  }

  UnaryAttrs a_{};
  const Tensor *x_ = nullptr, *y_ = nullptr, *scale_ = nullptr, *shift_ = nullptr;
  int64_t channels_ = 0, inner_ = 1;
};

template <typename T>
class AddIntegers final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    clamp_ = *static_cast<const ClampAttrs*>(attributes);
    a_ = in[0], b_ = in[1], y_ = out[0];
    if (!same_shape(*a_, *y_, c) || !same_shape(*b_, *y_, c)) return false;
    if (!(a_->scale > 0) || !(b_->scale > 0) || !(y_->scale > 0)) return misfit(c, "an operand has no scale");
    ma_ = static_cast<float>(static_cast<double>(a_->scale) / y_->scale);
    mb_ = static_cast<float>(static_cast<double>(b_->scale) / y_->scale);
    if constexpr (sizeof(T) == 1) row_ = first_row_kernel(c.kernels, &KernelTable::add_s8, &isa_);
    add(run, this, chunks(y_->elements));
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& s = *static_cast<const AddIntegers*>(self);
    const int64_t first = begin * kChunk, last = std::min(end * kChunk, s.y_->elements);
    const T *a = s.a_->template as<const T>(), *b = s.b_->template as<const T>();
    T* y = s.y_->template as<T>();
    const int32_t za = s.a_->zero_point, zb = s.b_->zero_point, zy = s.y_->zero_point;
    if constexpr (sizeof(T) == 1)
      if (s.row_ != nullptr) return s.row_(a + first, b + first, y + first, last - first, s.ma_, za, s.mb_, zb, zy, s.clamp_.qlo, s.clamp_.qhi);
    for (int64_t i = first; i < last; ++i) {
      const float va = static_cast<float>(a[i] - za) * s.ma_, vb = static_cast<float>(b[i] - zb) * s.mb_;
      y[i] = requantize<T>(va + vb, zy, s.clamp_.qlo, s.clamp_.qhi);
    }
  }

  ClampAttrs clamp_{};
  const Tensor *a_ = nullptr, *b_ = nullptr, *y_ = nullptr;
  float ma_ = 0, mb_ = 0;
  decltype(KernelTable::add_s8) row_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_unary() { return std::make_unique<Unary>(); }
std::unique_ptr<Op> make_batch_norm() { return std::make_unique<BatchNorm>(); }
std::unique_ptr<Op> make_add_s8() { return std::make_unique<AddIntegers<uint8_t>>(); }
std::unique_ptr<Op> make_add_s16() { return std::make_unique<AddIntegers<int16_t>>(); }

}  // namespace fastc::rt
