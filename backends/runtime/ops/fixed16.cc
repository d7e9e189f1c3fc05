// conv and linear on activations of 16 bits (format.h), in plain C++ for every CPU. A pixel's inputs are gathered into scratch in the weights'
// order, then meet one output channel after the other.
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
    scratch_ = static_cast<uint64_t>(k_) * sizeof(int16_t);
    if (y_->elements == 0) return true;
    x16_ = reinterpret_cast<const int16_t*>(framed(*x_, c));
    add(w_->dtype == DType::kS8 ? run<int8_t> : run<int16_t>, this, s_.n * s_.oh * s_.ow);
    return fits(c);
  }

 private:
  // All inputs one output pixel of one group sees; padding is 0, the zero point.
  void gather(int64_t tile, int64_t group, int16_t* patch) const {
    const int64_t ox = tile % s_.ow, oy = tile / s_.ow % s_.oh, n = tile / s_.ow / s_.oh, cg = s_.c / s_.groups;
    for (int64_t tap = 0; tap < s_.kh * s_.kw; ++tap, patch += cg) {
      const int64_t iy = oy * s_.stride_h - s_.pad_h + tap / s_.kw * s_.dil_h, ix = ox * s_.stride_w - s_.pad_w + tap % s_.kw * s_.dil_w;
      const bool outside = iy < 0 || iy >= s_.h || ix < 0 || ix >= s_.w;
      const auto bytes = static_cast<size_t>(cg) * sizeof(int16_t);
      if (outside) std::memset(patch, 0, bytes);
      else std::memcpy(patch, x16_ + ((n * s_.h + iy) * s_.w + ix) * s_.c + group * cg, bytes);
    }
  }

  void finish(int64_t acc, int64_t at, int64_t channel) const {
    float v = static_cast<float>(acc + bias_->as<const int32_t>()[channel]) * m_->as<const float>()[channel];
    if (y_->dtype == DType::kF32) {
      y_->as<float>()[at] = activate(static_cast<Activation>(a_.activation), v, a_.lo, a_.hi);
      return;
    }
    if (residual_ != nullptr) {
      const float r = static_cast<float>(residual_->as<const int16_t>()[at]) * a_.residual_m;
      v = v + r;
    }
    y_->as<int16_t>()[at] = requantize<int16_t>(v, 0, a_.qlo, a_.qhi);
  }

  template <typename W>
  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& p = *static_cast<const ProductS16*>(self);
    auto* patch = static_cast<int16_t*>(scratch);
    const int64_t per_group = p.s_.oc / p.s_.groups;
    for (int64_t tile = begin; tile < end; ++tile) {
      for (int64_t o = 0; o < p.s_.oc; ++o) {
        if (o % per_group == 0) p.gather(tile, o / per_group, patch);
        p.finish(dot(patch, p.w_->as<const W>() + o * p.k_, p.k_), tile * p.s_.oc + o, o);
      }
    }
  }

  const bool linear_;
  ConvShape s_{};
  LinearAttrs a_{};
  int64_t k_ = 0;
  const int16_t* x16_ = nullptr;  // of x, or of its frames
  const Tensor *x_ = nullptr, *w_ = nullptr, *bias_ = nullptr, *m_ = nullptr, *residual_ = nullptr, *y_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_conv_s16() { return std::make_unique<ProductS16>(false); }
std::unique_ptr<Op> make_linear_s16() { return std::make_unique<ProductS16>(true); }

}  // namespace fastc::rt
