// Pooling and resizing over channels-last images. A tile is one output pixel row; channels are the inner loop.
#include <algorithm>
#include <limits>

#include "ops/geometry.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// Output size of a pooling window, torch's way: rounded up with ceil, but the last window begins inside the input or its
// left padding.
int64_t pooled(int64_t in, const PoolAttrs& a, int i) {
  const int64_t span = in + a.pad_begin[i] + a.pad_end[i] - int64_t{a.dilation[i]} * (a.kernel[i] - 1) - 1;
  if (span < 0) return -1;
  int64_t out = (span + (a.ceil ? a.stride[i] - 1 : 0)) / a.stride[i] + 1;
  if (a.ceil && (out - 1) * a.stride[i] >= in + a.pad_begin[i]) --out;
  return out;
}

struct Window {
  int64_t y0, y1, x0, x1;  // inside the input, ends exclusive
  int64_t divisor;
};

// Loops over channels on pointers that overlap with nothing, so that compilers turn them into vectors: a u8 might otherwise be part of the
// loop's own bound.
template <typename T>
void keep_larger(const T* __restrict x, T* __restrict y, int64_t n) {
  for (int64_t j = 0; j < n; ++j) y[j] = x[j] > y[j] || x[j] != x[j] ? x[j] : y[j];  // NaN wins, as in torch
}
template <typename T, typename Sum>
void add_to(const T* __restrict x, Sum* __restrict sum, Sum zero, int64_t n) {
  for (int64_t j = 0; j < n; ++j) sum[j] += static_cast<Sum>(x[j]) - zero;
}

class Pool : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const PoolAttrs*>(attributes);
    x_ = in[0], y_ = out[0];
    if (!as_image(*x_, "the input", in_, c) || !as_image(*y_, "the output", out_, c)) return false;
    if (x_->dtype != y_->dtype) return misfit(c, "its input is %s, its output %s", dtype_name(x_->dtype), dtype_name(y_->dtype));
    if (out_.n != in_.n || out_.c != in_.c || out_.h != height() || out_.w != width()) {
      return misfit(c, "its output is %lld x %lld, expected %lld x %lld", (long long)out_.h, (long long)out_.w, (long long)height(), (long long)width());
    }
    return setup(c);
  }

 protected:
  virtual int64_t height() const { return pooled(in_.h, a_, 0); }
  virtual int64_t width() const { return pooled(in_.w, a_, 1); }
  virtual bool setup(PrepareContext& c) = 0;
  int64_t rows() const { return y_->elements == 0 ? 0 : out_.n * out_.h; }

  PoolAttrs a_{};
  Image in_{}, out_{};
  const Tensor *x_ = nullptr, *y_ = nullptr;
};

class MaxPool final : public Pool {
  bool setup(PrepareContext&) override {
    if (x_->dtype == DType::kF32) add(run<float>, this, rows());
    else if (x_->dtype == DType::kS16) add(run<int16_t>, this, rows());
    else add(run<uint8_t>, this, rows());
    return true;
  }

  template <typename T>
  void pixel(int64_t n, int64_t oy, int64_t ox, T* y) const {
    const T lowest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
    std::fill_n(y, in_.c, lowest);
    for (int64_t ky = 0; ky < a_.kernel[0]; ++ky) {
      const int64_t iy = oy * a_.stride[0] - a_.pad_begin[0] + ky * a_.dilation[0];
      if (iy < 0 || iy >= in_.h) continue;
      for (int64_t kx = 0; kx < a_.kernel[1]; ++kx) {
        const int64_t ix = ox * a_.stride[1] - a_.pad_begin[1] + kx * a_.dilation[1];
        if (ix < 0 || ix >= in_.w) continue;
        const T* x = x_->as<const T>() + ((n * in_.h + iy) * in_.w + ix) * in_.c;
        keep_larger(x, y, in_.c);
      }
    }
  }

  template <typename T>
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& p = *static_cast<const MaxPool*>(static_cast<const Op*>(self));
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t ox = 0; ox < p.out_.w; ++ox) {
        p.pixel<T>(row / p.out_.h, row % p.out_.h, ox, p.y_->as<T>() + (row * p.out_.w + ox) * p.in_.c);
      }
    }
  }
};

// f32: Σ/divisor. u8, s16: clamp(zy + rne(float(Σ(qx−zx)) · float32(sx/(sy·divisor)))). Sums lie in the thread's scratch.
class Average : public Pool {
  bool setup(PrepareContext& c) override {
    scratch_ = static_cast<uint64_t>(in_.c) * (x_->dtype == DType::kS16 ? 8 : 4);
    const bool integer = x_->dtype != DType::kF32;
    if (integer && (!(x_->scale > 0) || !(y_->scale > 0))) return misfit(c, "an operand has no scale");
    if (x_->dtype == DType::kS16) add(run<int16_t, int64_t>, this, rows());
    else if (integer) add(run<uint8_t, int32_t>, this, rows());
    else add(run<float, float>, this, rows());
    return fits(c);
  }

  virtual Window window(int64_t oy, int64_t ox) const {
    int64_t begin[2] = {oy, ox}, end[2];
    const int64_t size[2] = {in_.h, in_.w};
    int64_t padded = 1;
    for (int i = 0; i < 2; ++i) {
      begin[i] = begin[i] * a_.stride[i] - a_.pad_begin[i];
      end[i] = std::min(begin[i] + a_.kernel[i], size[i] + a_.pad_end[i]);
      padded *= end[i] - begin[i];
      begin[i] = std::max<int64_t>(begin[i], 0), end[i] = std::min(end[i], size[i]);
    }
    const int64_t inside = std::max<int64_t>(0, end[0] - begin[0]) * std::max<int64_t>(0, end[1] - begin[1]);
    return {begin[0], end[0], begin[1], end[1], a_.count_include_pad ? padded : inside};
  }

  template <typename T, typename Sum>
  void pixel(int64_t n, const Window& w, T* y, Sum* sum) const {
    std::fill_n(sum, in_.c, Sum{0});
    constexpr bool kInteger = !std::is_same_v<T, float>;
    const Sum zero = kInteger ? static_cast<Sum>(x_->zero_point) : Sum{0};
    for (int64_t iy = w.y0; iy < w.y1; ++iy) {
      for (int64_t ix = w.x0; ix < w.x1; ++ix) {
        const T* x = x_->as<const T>() + ((n * in_.h + iy) * in_.w + ix) * in_.c;
        add_to(x, sum, zero, in_.c);
      }
    }
    if constexpr (kInteger) {
      const auto m = static_cast<float>(static_cast<double>(x_->scale) / (static_cast<double>(y_->scale) * static_cast<double>(w.divisor)));
      for (int64_t j = 0; j < in_.c; ++j) y[j] = requantize<T>(static_cast<float>(sum[j]) * m, y_->zero_point);
    } else {
      for (int64_t j = 0; j < in_.c; ++j) y[j] = sum[j] / static_cast<float>(w.divisor);
    }
  }

  template <typename T, typename Sum>
  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& p = *static_cast<const Average*>(static_cast<const Op*>(self));
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t ox = 0; ox < p.out_.w; ++ox) {
        p.pixel<T, Sum>(row / p.out_.h, p.window(row % p.out_.h, ox), p.y_->as<T>() + (row * p.out_.w + ox) * p.in_.c, static_cast<Sum*>(scratch));
      }
    }
  }
};

// Window i of O over I elements: [⌊i·I/O⌋, ⌈(i+1)·I/O⌉).
class AdaptiveAverage final : public Average {
  int64_t height() const override { return a_.kernel[0]; }
  int64_t width() const override { return a_.kernel[1]; }
  Window window(int64_t oy, int64_t ox) const override {
    Window w{oy * in_.h / out_.h, ceil_div((oy + 1) * in_.h, out_.h), ox * in_.w / out_.w, ceil_div((ox + 1) * in_.w, out_.w), 1};
    w.divisor = (w.y1 - w.y0) * (w.x1 - w.x0);
    return w;
  }
};

// Nearest: source ⌊i·in/out⌋. Bilinear: align_corners maps ends to ends, else pixel centres to centres, cut at 0 (torch).
class Resize final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const ResizeAttrs*>(attributes);
    x_ = in[0], y_ = out[0];
    if (!as_image(*x_, "the input", in_, c) || !as_image(*y_, "the output", out_, c)) return false;
    if (in_.n != out_.n || in_.c != out_.c || in_.h < 1 || in_.w < 1) return misfit(c, "its input and output differ in batch or channels");
    add(run, this, y_->elements == 0 ? 0 : out_.n * out_.h);
    return true;
  }

 private:
  struct Tap {
    int64_t first, second;
    float weight;  // of the second
  };
  Tap tap(int64_t i, int64_t in, int64_t out) const {
    if (!a_.bilinear) return {std::min(static_cast<int64_t>(static_cast<float>(i) * (static_cast<float>(in) / static_cast<float>(out))), in - 1), 0, 0};
    const float scale = a_.align_corners ? (out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0.0f) : static_cast<float>(in) / static_cast<float>(out);
    const float at = a_.align_corners ? scale * static_cast<float>(i) : std::max(scale * (static_cast<float>(i) + 0.5f) - 0.5f, 0.0f);
    const int64_t first = std::min(static_cast<int64_t>(at), in - 1);
    return {first, std::min(first + 1, in - 1), std::min(std::max(at - static_cast<float>(first), 0.0f), 1.0f)};
  }

  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& r = *static_cast<const Resize*>(self);
    const int64_t channels = r.in_.c;
    for (int64_t row = begin; row < end; ++row) {
      const Tap v = r.tap(row % r.out_.h, r.in_.h, r.out_.h);
      const float* x = r.x_->as<const float>() + row / r.out_.h * r.in_.h * r.in_.w * channels;
      const float *top = x + v.first * r.in_.w * channels, *bottom = x + v.second * r.in_.w * channels;
      for (int64_t ox = 0; ox < r.out_.w; ++ox) {
        const Tap h = r.tap(ox, r.in_.w, r.out_.w);
        float* y = r.y_->as<float>() + (row * r.out_.w + ox) * channels;
        const int64_t left = h.first * channels, right = h.second * channels;
        for (int64_t j = 0; j < channels; ++j) {
          if (!r.a_.bilinear) {
            y[j] = top[left + j];
            continue;
          }
          const float upper = (1 - h.weight) * top[left + j] + h.weight * top[right + j];
          const float lower = (1 - h.weight) * bottom[left + j] + h.weight * bottom[right + j];
          y[j] = (1 - v.weight) * upper + v.weight * lower;
        }
      }
    }
  }

  ResizeAttrs a_{};
  Image in_{}, out_{};
  const Tensor *x_ = nullptr, *y_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_max_pool() { return std::make_unique<MaxPool>(); }
std::unique_ptr<Op> make_avg_pool() { return std::make_unique<Average>(); }
std::unique_ptr<Op> make_adaptive_avg_pool() { return std::make_unique<AdaptiveAverage>(); }
std::unique_ptr<Op> make_resize() { return std::make_unique<Resize>(); }

}  // namespace fastc::rt
