// Tensors put together: padding and concatenation.
#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// Rows of x are copied between their margins; a tile is one row of y's innermost axis.
class Pad final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const PadAttrs*>(attributes);
    x_ = in[0], y_ = out[0];
    if (x_->dtype != y_->dtype || x_->rank != y_->rank || x_->channels_last() != y_->channels_last() || x_->rank < 1) {
      return misfit(c, "its input and output differ in type, rank or layout");
    }
    for (int32_t i = 0; i < x_->rank; ++i) {
      if (x_->stored[i] + a_.before[i] + a_.after[i] != y_->stored[i]) {
        return misfit(c, "axis %d is %lld, expected %lld", i, (long long)y_->stored[i], (long long)(x_->stored[i] + a_.before[i] + a_.after[i]));
      }
    }
    fill_value();
    const int64_t row = y_->stored[y_->rank - 1];
    add(run, this, row == 0 ? 0 : y_->elements / row);
    return true;
  }

 private:
  template <typename T>
  void put(T value) { std::memcpy(fill_, &value, sizeof value); }

  void fill_value() {
    size_ = dtype_bytes(y_->dtype);
    std::memset(fill_, 0, sizeof fill_);
    switch (y_->dtype) {
      case DType::kF32: return put(a_.value);
      case DType::kF64: return put(static_cast<double>(a_.value));
      case DType::kI64: return put(static_cast<int64_t>(a_.value));
      case DType::kI32: return put(static_cast<int32_t>(a_.value));
      case DType::kBool: return put(static_cast<uint8_t>(a_.value != 0));
      case DType::kS16: return put(static_cast<int16_t>(a_.qvalue));
      default: return put(static_cast<uint8_t>(a_.qvalue));
    }
  }

  // [first, last) elements of a row of y become the fill value; a negative margin (a crop) leaves nothing to fill.
  void fill(uint8_t* row, int64_t first, int64_t last) const {
    if (size_ == 1 && first < last) {
      std::memset(row + first, fill_[0], static_cast<size_t>(last - first));
      return;
    }
    for (int64_t i = first; i < last; ++i) std::memcpy(row + i * static_cast<int64_t>(size_), fill_, size_);
  }

  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& p = *static_cast<const Pad*>(self);
    const int32_t inner = p.y_->rank - 1;
    const int64_t row = p.y_->stored[inner], size = static_cast<int64_t>(p.size_);
    for (int64_t r = begin; r < end; ++r) {
      int64_t rest = r, source = 0, step = p.x_->stored[inner];
      bool inside = true;
      for (int32_t i = inner - 1; i >= 0; --i) {
        const int64_t at = rest % p.y_->stored[i] - p.a_.before[i];
        rest /= p.y_->stored[i];
        inside = inside && at >= 0 && at < p.x_->stored[i];
        source += at * step, step *= p.x_->stored[i];
      }
      uint8_t* y = p.y_->data + r * row * size;
      const int64_t before = p.a_.before[inner];
      const int64_t first = inside ? std::max<int64_t>(before, 0) : row;
      const int64_t last = inside ? std::min(before + p.x_->stored[inner], row) : row;
      p.fill(y, 0, std::min(first, row));
      if (inside && last > first) std::memcpy(y + first * size, p.x_->data + (source + first - before) * size, static_cast<size_t>((last - first) * size));
      if (inside) p.fill(y, std::max(last, std::int64_t{0}), row);
    }
  }

  PadAttrs a_{};
  const Tensor *x_ = nullptr, *y_ = nullptr;
  size_t size_ = 1;
  uint8_t fill_[8] = {};
};

// Inputs one after the other along a stored axis. A tile is one run of one input: everything it has behind the axis.
class Concat final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const int32_t axis = static_cast<const AxisAttrs*>(attributes)->axis;
    y_ = out[0];
    if (axis >= y_->rank) return misfit(c, "its axis %d is beyond rank %d", axis, y_->rank);
    if (c.opening) parts_.resize(in.size());
    outer_ = inner_ = 1;
    for (int32_t i = 0; i < axis; ++i) outer_ *= y_->stored[i];
    for (int32_t i = axis + 1; i < y_->rank; ++i) inner_ *= y_->stored[i];
    int64_t at = 0;
    for (size_t n = 0; n < in.size(); ++n) {
      if (in[n] == nullptr || !fits_part(*in[n], axis, c)) return in[n] == nullptr ? misfit(c, "input %zu is missing", n) : false;
      const Tensor& x = *in[n];
      parts_[n] = {&x, at, x.stored[axis], 1.0f, false};
      const bool quantized = y_->dtype == DType::kU8 || y_->dtype == DType::kS16;
      if (quantized && (x.scale != y_->scale || x.zero_point != y_->zero_point)) {
        if (!(x.scale > 0) || !(y_->scale > 0)) return misfit(c, "\"%s\" has no scale", x.name);
        parts_[n].m = static_cast<float>(static_cast<double>(x.scale) / y_->scale);
        parts_[n].requantizes = true;
      }
      at += x.stored[axis];
    }
    total_ = y_->stored[axis];
    if (at != total_) return misfit(c, "its inputs have %lld along the axis, its output %lld", (long long)at, (long long)total_);
    add(y_->dtype == DType::kS16 ? run<int16_t> : run<uint8_t>, this, outer_);
    return true;
  }

 private:
  struct Part {
    const Tensor* x;
    int64_t first, count;
    float m;
    bool requantizes;
  };

  bool fits_part(const Tensor& x, int32_t axis, PrepareContext& c) {
    bool fits = x.dtype == y_->dtype && x.rank == y_->rank && x.channels_last() == y_->channels_last();
    for (int32_t i = 0; fits && i < x.rank; ++i) fits = i == axis || x.stored[i] == y_->stored[i];
    return fits || misfit(c, "\"%s\" does not fit beside the others", x.name);
  }

  // T: of what is requantized.
  template <typename T>
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const Concat*>(self);
    const auto size = static_cast<int64_t>(dtype_bytes(op.y_->dtype));
    for (int64_t o = begin; o < end; ++o) {
      for (const Part& p : op.parts_) {
        const int64_t count = p.count * op.inner_;
        const uint8_t* x = p.x->data + o * count * size;
        uint8_t* y = op.y_->data + (o * op.total_ + p.first) * op.inner_ * size;
        if (!p.requantizes) {
          std::memcpy(y, x, static_cast<size_t>(count * size));
          continue;
        }
        for (int64_t i = 0; i < count; ++i)
          reinterpret_cast<T*>(y)[i] = requantize<T>(static_cast<float>(reinterpret_cast<const T*>(x)[i] - p.x->zero_point) * p.m, op.y_->zero_point);
      }
    }
  }

  const Tensor* y_ = nullptr;
  std::vector<Part> parts_;
  int64_t outer_ = 1, inner_ = 1, total_ = 0;
};

}  // namespace

std::unique_ptr<Op> make_pad() { return std::make_unique<Pad>(); }
std::unique_ptr<Op> make_concat() { return std::make_unique<Concat>(); }

}  // namespace fastc::rt
