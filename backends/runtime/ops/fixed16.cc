// conv and linear on activations of 16 bits (format.h). The inputs of a few output pixels are gathered into scratch in the weights' order, then meet
// one run of output channels after the other: in plain C++, or with an instruction set's sums (kernels/fixed16_avx2.cc), which are the same to the bit.
#include <algorithm>
#include <cstring>

#include "functions.h"
#include "ops/geometry.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// Σ x·w. Products of 16 and 8 bits are below 2^22: 256 of them fit 32 bits, which is what vector instructions add up.
template <typename W>
int64_t dot(const int16_t* x, const W* w, int64_t count) {
  constexpr int64_t kRun = 256;
  int64_t sum = 0;
  for (int64_t at = 0; at < count; at += kRun) {
    std::conditional_t<sizeof(W) == 1, int32_t, int64_t> part = 0;
    for (int64_t i = at; i < std::min(at + kRun, count); ++i) part += int32_t{x[i]} * w[i];
    sum += part;
  }
  return sum;
}

template <typename W>
void plain_dots(const int16_t* x, int64_t x_step, int64_t rows, const W* w, int64_t channels, int64_t k, int64_t* sums) {
  for (int64_t i = 0; i < rows * channels; ++i) sums[i] = dot(x + i / channels * x_step, w + i % channels * k, k);
}

class ProductS16 final : public FramedOp {
 public:
  explicit ProductS16(bool linear) : linear_(linear) {}

  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    x_ = in[0], w_ = in[1], bias_ = in[2], m_ = in[3], residual_ = in.size() > 4 ? in[4] : nullptr, y_ = out[0];
    if (linear_) {
      a_ = *static_cast<const LinearAttrs*>(attributes);
      if (!linear_shape(*x_, *y_, s_, c)) return false;
    } else {
      const auto& a = *static_cast<const ConvAttrs*>(attributes);
      a_ = {a.activation, a.lo, a.hi, a.qlo, a.qhi, a.residual_m, a.residual_zero_point};
      if (!conv_shape(*x_, *y_, a, depth_of(a, *x_), s_, frames_, c)) return false;
    }
    k_ = saturating_product({s_.kh, s_.kw, s_.c / s_.groups});
    if (!w_->constant || w_->packing != Packing::kPlain || w_->elements != saturating_product({s_.oc, k_})) return misfit(c, "its weight \"%s\" does not fit", w_->name);
    if (!check_vector(bias_, s_.oc, "bias", c) || !check_vector(m_, s_.oc, "multiplier", c)) return false;
    if (residual_ != nullptr && (y_->dtype != DType::kS16 || !same_stored_shape(*residual_, *y_) || residual_->layout != y_->layout)) {
      return misfit(c, "its residual \"%s\" does not have the output's shape, type and layout", residual_->name);
    }
    step_ = ceil_div(k_, kDotsLanes) * kDotsLanes;
    scratch_ = kSums * sizeof(int64_t) + static_cast<uint64_t>(saturating_product({step_, kDotsRows, sizeof(int16_t)}));
    if (y_->elements == 0) return true;
    x16_ = reinterpret_cast<const int16_t*>(framed(*x_, c));
    add(run, this, ceil_div(pixels(), kDotsRows));
    pick(c);
    return fits(c);
  }

 private:
  static constexpr int64_t kChannels = 64, kSums = kDotsRows * kChannels;

  int64_t pixels() const { return s_.n * s_.oh * s_.ow; }

  // A depthwise pixel has too few inputs for a register; sums of more than 2^20 products may pass what finish_s16 takes.
  void pick(PrepareContext& c) {
    constexpr int64_t kFew = 16, kMany = 1 << 20;
    dots8_ = nullptr, dots16_ = nullptr, finish_ = nullptr;
    if (k_ < kFew || k_ > kMany) return;
    if (w_->dtype == DType::kS8) dots8_ = first_row_kernel(c.kernels, &KernelTable::dots_s16_s8, &isa_);
    else dots16_ = first_row_kernel(c.kernels, &KernelTable::dots_s16_s16, &isa_);
    finish_ = first_row_kernel(c.kernels, &KernelTable::finish_s16);
  }

  // → how many channels from `channel` on were met, at most `most`: fast sums take four at a time, the rest is left to the plain ones.
  int64_t meet(const int16_t* patches, int64_t rows, int64_t channel, int64_t most, int64_t* sums) const {
    const bool fast = most >= 4 && (dots8_ != nullptr || dots16_ != nullptr);
    const int64_t channels = fast ? most / 4 * 4 : most;
    if (w_->dtype == DType::kS8) (fast ? dots8_ : plain_dots<int8_t>)(patches, step_, rows, w_->as<const int8_t>() + channel * k_, channels, k_, sums);
    else (fast ? dots16_ : plain_dots<int16_t>)(patches, step_, rows, w_->as<const int16_t>() + channel * k_, channels, k_, sums);
    return channels;
  }

  // All inputs one output pixel of one group sees; padding is 0, the zero point.
  void gather(int64_t pixel, int64_t group, int16_t* patch) const {
    const int64_t row = pixel / s_.ow, n = row / s_.oh, cg = s_.c / s_.groups;
    const int64_t top = (row - n * s_.oh) * s_.stride_h - s_.pad_h, left = (pixel - row * s_.ow) * s_.stride_w - s_.pad_w;
    const auto bytes = static_cast<size_t>(cg) * sizeof(int16_t);
    const int16_t* image = x16_ + n * s_.h * s_.w * s_.c + group * cg;
    for (int64_t y = 0, iy = top; y < s_.kh; ++y, iy += s_.dil_h)
      for (int64_t x = 0, ix = left; x < s_.kw; ++x, ix += s_.dil_w, patch += cg) {
        const bool outside = iy < 0 || iy >= s_.h || ix < 0 || ix >= s_.w;
        if (outside) std::memset(patch, 0, bytes);
        else std::memcpy(patch, image + (iy * s_.w + ix) * s_.c, bytes);
      }
  }

  // `cold` asks for small code: a network's last layer has few results.
  __attribute__((cold)) void finish_floats(const int64_t* sums, int64_t count, const int32_t* bias, const float* m, float* y) const {
    for (int64_t i = 0; i < count; ++i) y[i] = activate(static_cast<Activation>(a_.activation), static_cast<float>(sums[i] + bias[i]) * m[i], a_.lo, a_.hi);
  }

  // A pixel's channels from `channel` on: sums become results at y[at], y[at + 1] …
  void finish(const int64_t* sums, int64_t count, int64_t channel, int64_t at) const {
    const int32_t* bias = bias_->as<const int32_t>() + channel;
    const float* m = m_->as<const float>() + channel;
    if (y_->dtype == DType::kF32) return finish_floats(sums, count, bias, m, y_->as<float>() + at);
    int16_t* y = y_->as<int16_t>() + at;
    const int16_t* residual = residual_ != nullptr ? residual_->as<const int16_t>() + at : nullptr;
    const int64_t eights = finish_ != nullptr ? count / 8 * 8 : 0;
    if (eights > 0) finish_(sums, bias, m, residual, a_.residual_m, y, eights, a_.qlo, a_.qhi);
    for (int64_t i = eights; i < count; ++i) {
      float v = static_cast<float>(sums[i] + bias[i]) * m[i];
      if (residual != nullptr) {
        const float r = static_cast<float>(residual[i]) * a_.residual_m;
        v = v + r;
      }
      y[i] = requantize<int16_t>(v, 0, a_.qlo, a_.qhi);
    }
  }

  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& p = *static_cast<const ProductS16*>(self);
    auto* sums = static_cast<int64_t*>(scratch);
    auto* patches = reinterpret_cast<int16_t*>(sums + kSums);
    std::memset(patches, 0, static_cast<size_t>(p.step_ * kDotsRows) * sizeof(int16_t));
    const int64_t per_group = p.s_.oc / p.s_.groups;
    for (int64_t first = begin * kDotsRows; first < std::min(end * kDotsRows, p.pixels()); first += kDotsRows) {
      const int64_t rows = std::min(kDotsRows, p.pixels() - first);
      for (int64_t o = 0; o < p.s_.oc;) {
        for (int64_t r = 0; r < rows && o % per_group == 0; ++r) p.gather(first + r, o / per_group, patches + r * p.step_);
        const int64_t channels = p.meet(patches, rows, o, std::min(kChannels, per_group - o % per_group), sums);
        for (int64_t r = 0; r < rows; ++r) p.finish(sums + r * channels, channels, o, (first + r) * p.s_.oc + o);
        o += channels;
      }
    }
  }

  const bool linear_;
  ConvShape s_{};
  LinearAttrs a_{};
  int64_t k_ = 0, step_ = 0;
  decltype(KernelTable::dots_s16_s8) dots8_ = nullptr;
  decltype(KernelTable::dots_s16_s16) dots16_ = nullptr;
  decltype(KernelTable::finish_s16) finish_ = nullptr;
  const int16_t* x16_ = nullptr;  // of x, or of its frames
  const Tensor *x_ = nullptr, *w_ = nullptr, *bias_ = nullptr, *m_ = nullptr, *residual_ = nullptr, *y_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_conv_s16() { return std::make_unique<ProductS16>(false); }
std::unique_ptr<Op> make_linear_s16() { return std::make_unique<ProductS16>(true); }

}  // namespace fastc::rt
