// conv and linear, f32 and s8: check the operands, fill the kernel's arguments, let the chain choose.
#include "ops/geometry.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

const Tensor* operand(Operands in, size_t at) { return at < in.size() ? in[at] : nullptr; }

// A float op's y may not lie in x: fast kernels read x while they write y. The reader has refused that already.
template <typename Attrs>
bool shape_of(const Tensor& x, const Tensor& y, const Attrs& a, ConvShape& s, Frames& frames, PrepareContext& c) {
  if constexpr (std::is_same_v<Attrs, ConvAttrs>) return conv_shape(x, y, a, depth_of(a, x), s, frames, c);
  else return linear_shape(x, y, s, c);
}

bool check_residual(const Tensor* residual, const Tensor& y, PrepareContext& c) {
  if (residual == nullptr || (same_stored_shape(*residual, y) && residual->dtype == y.dtype && residual->layout == y.layout)) return true;
  return misfit(c, "its residual \"%s\" does not have the output's shape, type and layout", residual->name);
}

template <typename Attrs>
class ProductF32 final : public FramedOp {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const Attrs*>(attributes);
    ConvF32& p = chosen_.args;
    const Tensor *bias = operand(in, 2), *residual = operand(in, 3);
    if (!shape_of(*in[0], *out[0], a, p.s, frames_, c) || !check_packed(*in[1], p.s, c) || !check_vector(bias, p.s.oc, "bias", c) ||
        !check_residual(residual, *out[0], c)) {
      return false;
    }
    p.w = in[1]->as<const float>(), p.two_four = in[1]->coding == Coding::kTwoFour;
    p.bias = bias == nullptr ? nullptr : bias->as<const float>();
    p.residual = residual == nullptr ? nullptr : residual->as<const float>();
    p.y = out[0]->as<float>();
    p.activation = static_cast<Activation>(a.activation);
    p.lo = a.lo, p.hi = a.hi;
    if (out[0]->elements == 0) return true;
    p.x = reinterpret_cast<const float*>(framed(*in[0], c));
    if (!choose(chosen_, &KernelTable::conv_f32, c)) return false;
    scratch_ = chosen_.scratch();
    isa_ = chosen_.isa;
    add(Chosen<ConvF32>::run, &chosen_, chosen_.tiles());
    return fits(c);
  }

 private:
  Chosen<ConvF32> chosen_;
};

// The compiler proves that no sum leaves int32; a file that did not come from it might.
bool check_sums(const ConvShape& s, const Tensor& bias, PrepareContext& c) {
  const int64_t most = s.kh * s.kw * (s.c / s.groups) * 255 * 127;
  const int32_t* b = bias.as<const int32_t>();
  for (int64_t o = 0; o < bias.elements; ++o) {
    if (most + (b[o] < 0 ? -int64_t{b[o]} : int64_t{b[o]}) > INT32_MAX) return misfit(c, "the sum of channel %lld may leave 32 bits", (long long)o);
  }
  return true;
}

template <typename Attrs>
class ProductS8 final : public FramedOp {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const Attrs*>(attributes);
    ConvS8& p = chosen_.args;
    const Tensor &x = *in[0], &w = *in[1], &y = *out[0], *residual = operand(in, 4);
    if (!shape_of(x, y, a, p.s, frames_, c) || !check_packed(w, p.s, c) || !check_vector(in[2], p.s.oc, "bias", c) ||
        !check_vector(in[3], p.s.oc, "multiplier", c) || !check_residual(residual, y, c)) {
      return false;
    }
    if (!in[2]->constant || (c.opening && !check_sums(p.s, *in[2], c))) return in[2]->constant ? false : misfit(c, "its bias is not a constant");
    p.w = w.as<const int8_t>();
    p.bias = in[2]->as<const int32_t>();
    p.m = in[3]->as<const float>();
    p.residual = residual == nullptr ? nullptr : residual->as<const uint8_t>();
    p.y = y.data;
    p.y_f32 = y.dtype == DType::kF32;
    if (p.y_f32 && residual != nullptr) return misfit(c, "a float result of an integer kernel takes no residual");
    p.x_zero_point = x.zero_point & 0xff;
    p.y_zero_point = y.zero_point & 0xff;
    p.qlo = a.qlo, p.qhi = a.qhi;
    p.residual_m = a.residual_m, p.residual_zero_point = a.residual_zero_point;
    p.activation = static_cast<Activation>(a.activation);
    p.lo = a.lo, p.hi = a.hi;
    if (y.elements == 0) return true;
    frames_.fill = p.x_zero_point;
    p.x = framed(x, c);
    if (!choose(chosen_, &KernelTable::conv_s8, c)) return false;
    scratch_ = chosen_.scratch();
    isa_ = chosen_.isa;
    add(Chosen<ConvS8>::run, &chosen_, chosen_.tiles());
    return fits(c);
  }

 private:
  Chosen<ConvS8> chosen_;
};

}  // namespace

std::unique_ptr<Op> make_conv_f32() { return std::make_unique<ProductF32<ConvAttrs>>(); }
std::unique_ptr<Op> make_linear_f32() { return std::make_unique<ProductF32<LinearAttrs>>(); }
std::unique_ptr<Op> make_conv_s8() { return std::make_unique<ProductS8<ConvAttrs>>(); }
std::unique_ptr<Op> make_linear_s8() { return std::make_unique<ProductS8<LinearAttrs>>(); }

}  // namespace fastc::rt
