// Between floats and quantized values, changing the layout on the way where it differs.
#include <algorithm>

#include "ops/copy.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// Element by element where the layouts agree; else by rows of y through strides, into or out of the thread's scratch row.
class Requantizer : public Op {
 public:
  bool prepare(Operands in, Operands out, const void*, PrepareContext& c) override {
    begin();
    x_ = in[0], y_ = out[0];
    if (!(quantized().scale > 0)) return misfit(c, "\"%s\" has no scale", quantized().name);
    if (x_->rank != y_->rank || x_->elements != y_->elements) return misfit(c, "its input and output differ in shape");
    for (int32_t i = 0; i < x_->rank; ++i) {
      if (x_->shape[i] != y_->shape[i]) return misfit(c, "axis %d is %lld before and %lld after", i, (long long)x_->shape[i], (long long)y_->shape[i]);
    }
    setup(c);
    copy_ = relayout(*x_, *y_);
    flat_ = x_->channels_last() == y_->channels_last();
    copy_.element = dtype_bytes(x_->dtype);
    row_ = copy_.shape[copy_.rank - 1];
    if (flat_) {
      add(run_flat, this, chunks(y_->elements));
    } else if (copy_.rank > 1 && row_ < 32 && copy_.from_step[copy_.rank - 2] == 1) {
      scratch_ = kPlane * 4;
      column_ = copy_.shape[copy_.rank - 2];
      add(run_planes, this, y_->elements == 0 ? 0 : copy_.rows() / column_ * chunks(column_, kPlane));
    } else {
      scratch_ = static_cast<uint64_t>(row_) * copy_.element;
      add(run_rows, this, y_->elements == 0 ? 0 : copy_.rows());
    }
    return fits(c);
  }

 protected:
  virtual const Tensor& quantized() const = 0;
  virtual void setup(PrepareContext& c) = 0;
  virtual void convert(const uint8_t* x, uint8_t* y, int64_t count) const = 0;
  const Tensor *x_ = nullptr, *y_ = nullptr;

 private:
  static void run_flat(const void* self, int64_t begin, int64_t end, void*) {
    const auto& q = *static_cast<const Requantizer*>(self);
    const int64_t first = begin * kChunk, last = std::min(end * kChunk, q.y_->elements);
    q.convert(q.x_->data + first * dtype_bytes(q.x_->dtype), q.y_->data + first * dtype_bytes(q.y_->dtype), last - first);
  }

  static void run_rows(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& q = *static_cast<const Requantizer*>(self);
    for (int64_t row = begin; row < end; ++row) {
      StridedCopy gather = q.copy_;
      gather.to = static_cast<uint8_t*>(scratch);
      gather.to_start = -row * q.row_;  // y is dense in this order, so that is where the row begins in y
      gather.run(row, row + 1);
      q.convert(static_cast<uint8_t*>(scratch), q.y_->data + row * q.row_ * static_cast<int64_t>(dtype_bytes(q.y_->dtype)), q.row_);
    }
  }

  // The image that comes in: few channels, each a dense plane of x, side by side in y. Planes are converted in long runs and
  // then dealt out.
  static void run_planes(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& q = *static_cast<const Requantizer*>(self);
    const StridedCopy& copy = q.copy_;
    const int64_t pieces = chunks(q.column_, kPlane);
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t block = tile / pieces, first = tile % pieces * kPlane, count = std::min(kPlane, q.column_ - first);
      int64_t source = first, rest = block;
      for (int32_t i = copy.rank - 3; i >= 0; --i) {
        source += rest % copy.shape[i] * copy.from_step[i];
        rest /= copy.shape[i];
      }
      const int64_t target = (block * q.column_ + first) * q.row_;
      for (int64_t channel = 0; channel < q.row_; ++channel) {
        const int64_t at = source + channel * copy.from_step[copy.rank - 1];
        q.convert(q.x_->data + at * static_cast<int64_t>(copy.element), static_cast<uint8_t*>(scratch), count);
        if (q.y_->dtype == DType::kF32) deal<float>(scratch, q.y_->data, target + channel, q.row_, count);
        else if (q.y_->dtype == DType::kS16) deal<int16_t>(scratch, q.y_->data, target + channel, q.row_, count);
        else deal<uint8_t>(scratch, q.y_->data, target + channel, q.row_, count);
      }
    }
  }

  template <typename T>
  static void deal(const void* from, uint8_t* to, int64_t first, int64_t step, int64_t count) {
    const T* source = static_cast<const T*>(from);
    T* target = reinterpret_cast<T*>(to) + first;
    for (int64_t i = 0; i < count; ++i) target[i * step] = source[i];
  }

  static constexpr int64_t kPlane = 1024;
  StridedCopy copy_;
  bool flat_ = true;
  int64_t row_ = 0, column_ = 0;
};

class Quantize final : public Requantizer {
  const Tensor& quantized() const override { return *y_; }
  void setup(PrepareContext& c) override {
    inverse_ = static_cast<float>(1.0 / static_cast<double>(y_->scale));
    row_kernel_ = y_->dtype == DType::kU8 ? first_row_kernel(c.kernels, &KernelTable::quantize, &isa_) : nullptr;
  }
  void convert(const uint8_t* from, uint8_t* y, int64_t count) const override {
    const float* x = reinterpret_cast<const float*>(from);
    if (row_kernel_ != nullptr) return row_kernel_(x, y, count, inverse_, y_->zero_point);
    if (y_->dtype == DType::kS16) {
      for (int64_t i = 0; i < count; ++i) reinterpret_cast<int16_t*>(y)[i] = requantize<int16_t>(x[i] * inverse_, 0);
      return;
    }
    for (int64_t i = 0; i < count; ++i) y[i] = requantize(x[i] * inverse_, y_->zero_point);
  }
  float inverse_ = 1;
  decltype(KernelTable::quantize) row_kernel_ = nullptr;
};

class Dequantize final : public Requantizer {
  const Tensor& quantized() const override { return *x_; }
  void setup(PrepareContext& c) override {
    row_kernel_ = x_->dtype == DType::kU8 ? first_row_kernel(c.kernels, &KernelTable::dequantize, &isa_) : nullptr;
  }
  void convert(const uint8_t* x, uint8_t* to, int64_t count) const override {
    float* y = reinterpret_cast<float*>(to);
    if (row_kernel_ != nullptr) return row_kernel_(x, y, count, x_->scale, x_->zero_point);
    if (x_->dtype == DType::kS16) {
      for (int64_t i = 0; i < count; ++i) y[i] = x_->scale * static_cast<float>(reinterpret_cast<const int16_t*>(x)[i]);
      return;
    }
    const bool is_signed = x_->dtype == DType::kS8;
    for (int64_t i = 0; i < count; ++i) {
      const int32_t q = is_signed ? static_cast<int8_t>(x[i]) : x[i];
      y[i] = x_->scale * static_cast<float>(q - x_->zero_point);
    }
  }
  decltype(KernelTable::dequantize) row_kernel_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_quantize() { return std::make_unique<Quantize>(); }
std::unique_ptr<Op> make_dequantize() { return std::make_unique<Dequantize>(); }

}  // namespace fastc::rt
