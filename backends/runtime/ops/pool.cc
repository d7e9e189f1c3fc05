// Pooling over channels-last volumes and resizing of channels-last images. A tile is one output pixel row; channels are the inner loop.
#include <algorithm>
#include <array>
#include <limits>

#include "ops/geometry.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// Output size of a pooling window, torch's way: rounded up with ceil, but the last window begins inside the input or its
// left padding.
int64_t pooled(int64_t in, const DepthAttrs& a, bool ceil) {
  const int64_t span = in + a.pad_begin + a.pad_end - int64_t{a.dilation} * (a.kernel - 1) - 1;
  if (span < 0) return -1;
  int64_t out = (span + (ceil ? a.stride - 1 : 0)) / a.stride + 1;
  if (ceil && (out - 1) * a.stride >= in + a.pad_begin) --out;
  return out;
}

constexpr int kAxes = 3;  // T, H, W
using Sizes = std::array<int64_t, kAxes>;

struct Window {
  Sizes begin, end;  // inside the input, ends exclusive
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
    const auto& a = *static_cast<const PoolAttrs*>(attributes);
    x_ = in[0], y_ = out[0], padding_counts_ = a.count_include_pad != 0, ceil_ = a.ceil != 0;
    axes_[0] = depth_of(a, *x_);
    for (int i = 0; i < 2; ++i) axes_[1 + i] = {a.kernel[i], a.stride[i], a.pad_begin[i], a.pad_end[i], a.dilation[i], 0};
    Volume from{}, to{};
    if (!as_volume(*x_, "the input", from, c) || !as_volume(*y_, "the output", to, c)) return false;
    if (x_->dtype != y_->dtype) return misfit(c, "its input is %s, its output %s", dtype_name(x_->dtype), dtype_name(y_->dtype));
    channels_ = from.c, in_ = {from.t, from.h, from.w}, out_ = {to.t, to.h, to.w};
    const Sizes expected = {size(0), size(1), size(2)};
    if (to.n != from.n || to.c != from.c || out_ != expected) {
      return misfit(c, "its output is %lld x %lld x %lld, expected %lld x %lld x %lld", (long long)out_[0], (long long)out_[1], (long long)out_[2],
                    (long long)expected[0], (long long)expected[1], (long long)expected[2]);
    }
    rows_ = y_->elements == 0 ? 0 : to.n * to.t * to.h;
    return setup(c);
  }

 protected:
  virtual int64_t size(int axis) const { return pooled(in_[axis], axes_[axis], ceil_); }
  virtual bool setup(PrepareContext& c) = 0;
  // Channels of pixel (z, y, x) of a sample.
  template <typename T>
  const T* at(const T* sample, int64_t z, int64_t y, int64_t x) const {
    return sample + ((z * in_[1] + y) * in_[2] + x) * channels_;
  }
  // Each output pixel of rows [begin, end): f(its sample of x, its place along T, H and W, its channels).
  template <typename T, typename F>
  void pixels(int64_t begin, int64_t end, const F& f) const {
    for (int64_t row = begin; row < end; ++row) {
      const T* sample = x_->as<const T>() + row / (out_[0] * out_[1]) * in_[0] * in_[1] * in_[2] * channels_;
      Sizes place{row / out_[1] % out_[0], row % out_[1], 0};
      for (; place[2] < out_[2]; ++place[2]) f(sample, place, y_->as<T>() + (row * out_[2] + place[2]) * channels_);
    }
  }

  DepthAttrs axes_[kAxes]{};
  bool padding_counts_ = false, ceil_ = false;
  Sizes in_{}, out_{};
  int64_t channels_ = 0, rows_ = 0;
  const Tensor *x_ = nullptr, *y_ = nullptr;
};

class MaxPool final : public Pool {
  bool setup(PrepareContext&) override {
    if (x_->dtype == DType::kF32) add(run<float>, this, rows_);
    else if (x_->dtype == DType::kS16) add(run<int16_t>, this, rows_);
    else add(run<uint8_t>, this, rows_);
    return true;
  }

  // The taps inside the input: first, past the last, by what.
  struct Taps {
    int64_t begin, end, step;
  };
  Taps taps(int axis, int64_t o) const {
    const DepthAttrs& a = axes_[axis];
    const int64_t first = o * a.stride - a.pad_begin, outside = first < 0 ? ceil_div(-first, a.dilation) : 0;
    return {first + outside * a.dilation, std::min(in_[axis], first + int64_t{a.kernel} * a.dilation), a.dilation};
  }

  template <typename T>
  void pixel(const T* sample, const Sizes& o, T* y) const {
    const T lowest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
    std::fill_n(y, channels_, lowest);
    const Taps tz = taps(0, o[0]), ty = taps(1, o[1]), tx = taps(2, o[2]);
    for (int64_t iz = tz.begin; iz < tz.end; iz += tz.step) {
      for (int64_t iy = ty.begin; iy < ty.end; iy += ty.step) {
        for (int64_t ix = tx.begin; ix < tx.end; ix += tx.step) keep_larger(at(sample, iz, iy, ix), y, channels_);
      }
    }
  }

  template <typename T>
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& p = *static_cast<const MaxPool*>(static_cast<const Op*>(self));
    p.pixels<T>(begin, end, [&](const T* sample, const Sizes& o, T* y) { p.pixel(sample, o, y); });
  }
};

// f32: Σ/divisor. u8, s16: clamp(zy + rne(float(Σ(qx−zx)) · float32(sx/(sy·divisor)))). Sums lie in the thread's scratch.
class Average : public Pool {
  bool setup(PrepareContext& c) override {
    scratch_ = static_cast<uint64_t>(channels_) * (x_->dtype == DType::kS16 ? 8 : 4);
    const bool integer = x_->dtype != DType::kF32;
    if (integer && (!(x_->scale > 0) || !(y_->scale > 0))) return misfit(c, "an operand has no scale");
    if (x_->dtype == DType::kS16) add(run<int16_t, int64_t>, this, rows_);
    else if (integer) add(run<uint8_t, int32_t>, this, rows_);
    else add(run<float, float>, this, rows_);
    return fits(c);
  }

  virtual Window window(const Sizes& o) const {
    Window w{{}, {}, 1};
    int64_t inside = 1;
    for (int i = 0; i < kAxes; ++i) {
      const int64_t first = o[i] * axes_[i].stride - axes_[i].pad_begin, last = std::min(first + axes_[i].kernel, in_[i] + axes_[i].pad_end);
      w.begin[i] = std::max<int64_t>(first, 0), w.end[i] = std::min(last, in_[i]);
      w.divisor *= last - first, inside *= std::max<int64_t>(0, w.end[i] - w.begin[i]);
    }
    if (!padding_counts_) w.divisor = inside;
    return w;
  }

  template <typename T, typename Sum>
  void pixel(const T* sample, const Window& w, T* y, Sum* sum) const {
    std::fill_n(sum, channels_, Sum{0});
    constexpr bool kInteger = !std::is_same_v<T, float>;
    const Sum zero = kInteger ? static_cast<Sum>(x_->zero_point) : Sum{0};
    for (int64_t iz = w.begin[0]; iz < w.end[0]; ++iz) {
      for (int64_t iy = w.begin[1]; iy < w.end[1]; ++iy) {
        for (int64_t ix = w.begin[2]; ix < w.end[2]; ++ix) add_to(at(sample, iz, iy, ix), sum, zero, channels_);
      }
    }
    if constexpr (kInteger) {
      const auto m = static_cast<float>(static_cast<double>(x_->scale) / (static_cast<double>(y_->scale) * static_cast<double>(w.divisor)));
      for (int64_t j = 0; j < channels_; ++j) y[j] = requantize<T>(static_cast<float>(sum[j]) * m, y_->zero_point);
    } else {
      for (int64_t j = 0; j < channels_; ++j) y[j] = sum[j] / static_cast<float>(w.divisor);
    }
  }

  template <typename T, typename Sum>
  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& p = *static_cast<const Average*>(static_cast<const Op*>(self));
    p.pixels<T>(begin, end, [&](const T* sample, const Sizes& o, T* y) { p.pixel(sample, p.window(o), y, static_cast<Sum*>(scratch)); });
  }
};

// Window i of O over I elements: [⌊i·I/O⌋, ⌈(i+1)·I/O⌉).
class AdaptiveAverage final : public Average {
  int64_t size(int axis) const override { return axes_[axis].kernel; }
  Window window(const Sizes& o) const override {
    Window w{{}, {}, 1};
    for (int i = 0; i < kAxes; ++i) {
      w.begin[i] = o[i] * in_[i] / out_[i], w.end[i] = ceil_div((o[i] + 1) * in_[i], out_[i]);
      w.divisor *= w.end[i] - w.begin[i];
    }
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
