// Transposed convolution, gathering: output pixel o takes input i through tap k where o = i·stride − pad + k·dilation.
// Weights are plain, [Ci][Co/g][kh][kw]. A tile is one row of output pixels.
#include <algorithm>

#include "functions.h"
#include "ops/geometry.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

class ConvTranspose final : public Op {
 public:
  bool prepare(std::span<Tensor* const> in, std::span<Tensor* const> out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const ConvAttrs*>(attributes);
    x_ = in[0], y_ = out[0], w_ = in[1], bias_ = in.size() > 2 ? in[2] : nullptr;
    if (!as_image(*x_, "the input", in_, c) || !as_image(*y_, "the output", out_, c)) return false;
    const int64_t oh = size(in_.h, 0), ow = size(in_.w, 1);
    if (out_.n != in_.n || out_.h != oh || out_.w != ow) return misfit(c, "its output is %lld x %lld, expected %lld x %lld", (long long)out_.h, (long long)out_.w, (long long)oh, (long long)ow);
    if (in_.c % a_.groups != 0 || out_.c % a_.groups != 0) return misfit(c, "%d groups do not divide its channels", a_.groups);
    const int64_t expected = saturating_product({in_.c, out_.c / a_.groups, a_.kernel[0], a_.kernel[1]});
    if (w_->elements != expected || w_->packing != Packing::kPlain) return misfit(c, "its weight has %lld elements, expected %lld", (long long)w_->elements, (long long)expected);
    if (!check_vector(bias_, out_.c, "bias", c)) return false;
    add(run, this, y_->elements == 0 ? 0 : out_.n * out_.h);
    return true;
  }

 private:
  int64_t size(int64_t in, int i) const {
    return (in - 1) * a_.stride[i] - a_.pad_begin[i] - a_.pad_end[i] + int64_t{a_.dilation[i]} * (a_.kernel[i] - 1) + a_.output_pad[i] + 1;
  }

  // The input position that reaches output `o` through tap `k`, or −1.
  int64_t source(int64_t o, int64_t k, int i, int64_t limit) const {
    const int64_t at = o + a_.pad_begin[i] - k * a_.dilation[i];
    if (at < 0 || at % a_.stride[i] != 0 || at / a_.stride[i] >= limit) return -1;
    return at / a_.stride[i];
  }

  void pixel(int64_t n, int64_t oy, int64_t ox, float* y) const {
    const int64_t cg = in_.c / a_.groups, og = out_.c / a_.groups, taps = int64_t{a_.kernel[0]} * a_.kernel[1];
    for (int64_t o = 0; o < out_.c; ++o) y[o] = bias_ == nullptr ? 0.0f : bias_->as<const float>()[o];
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t iy = source(oy, tap / a_.kernel[1], 0, in_.h), ix = source(ox, tap % a_.kernel[1], 1, in_.w);
      if (iy < 0 || ix < 0) continue;
      const float* x = x_->as<const float>() + ((n * in_.h + iy) * in_.w + ix) * in_.c;
      for (int64_t i = 0; i < in_.c; ++i) {
        const float* w = w_->as<const float>() + i * og * taps + tap;
        float* target = y + i / cg * og;
        for (int64_t o = 0; o < og; ++o) target[o] += x[i] * w[o * taps];
      }
    }
    for (int64_t o = 0; o < out_.c; ++o) y[o] = activate(static_cast<Activation>(a_.activation), y[o], a_.lo, a_.hi);
  }

  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& t = *static_cast<const ConvTranspose*>(self);
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t ox = 0; ox < t.out_.w; ++ox) t.pixel(row / t.out_.h, row % t.out_.h, ox, t.y_->as<float>() + (row * t.out_.w + ox) * t.out_.c);
    }
  }

  ConvAttrs a_{};
  Image in_{}, out_{};
  const Tensor *x_ = nullptr, *y_ = nullptr, *w_ = nullptr, *bias_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_conv_transpose() { return std::make_unique<ConvTranspose>(); }

}  // namespace fastc::rt
