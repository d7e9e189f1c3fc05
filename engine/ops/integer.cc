#include "engine/ops/integer.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>

#include "ir/multiples.h"

namespace fastc::engine {
namespace {

constexpr double kExactFloat = 16777216.0;  // 2^24

// Largest magnitude any partial sum of (qx−zx)·qw can have, over all output channels.
double largest_sum(const at::Tensor& weight, const Quant& x) {
  const at::Tensor sums = weight.to(at::kDouble).abs().flatten(1).sum(1);
  return sums.numel() == 0 ? 0.0 : sums.max().item<double>() * std::max(x.zero_point - x.low(), x.high() - x.zero_point);
}

at::Tensor along_channels(at::Tensor t, int64_t trailing) {
  std::vector<int64_t> shape{t.numel()};
  shape.insert(shape.end(), trailing, 1);
  return t.reshape(shape);
}

}  // namespace

int32_t quantized(double x, const Quant& quant) {
  const float q = static_cast<float>(quant.zero_point) + std::nearbyint(static_cast<float>(x) / quant.scale);
  return static_cast<int32_t>(std::clamp(q, static_cast<float>(quant.low()), static_cast<float>(quant.high())));
}

Result<Clamp> clamp_of(std::string_view activation, double lo, double hi, const Quant& quant) {
  if (activation == "none") return whole(quant);
  if (activation == "relu") return Clamp{quant.zero_point, quant.high()};
  if (activation == "clip") return Clamp{quantized(lo, quant), quantized(hi, quant)};
  return input_error("the activation '{}' has no integer form (none, relu and clip have one)", activation);
}

at::Tensor requantize(at::Tensor v, const Quant& y, Clamp clamp) {
  return v.round_().add_(y.zero_point).clamp_(clamp.low, clamp.high).to(scalar_type(y.dtype()));
}

at::Tensor IntegerProduct::operand(const at::Tensor& x) const { return x.to(exact).sub_(x_zero_point); }

at::Tensor IntegerProduct::result(const at::Tensor& acc, const at::Tensor& residual) const {
  // float(acc): from float64 (the bias may lift the sum above 2^24) with one rounding, to nearest even, as int32 or int64 → float32.
  at::Tensor v = bias.defined() ? acc.to(at::kDouble).add_(bias).to(at::kFloat) : acc.to(at::kFloat);
  v = at::mul(v, multiplier);
  if (to_float) return v;
  if (residual.defined()) v.add_(residual.to(at::kFloat).sub_(residual_zero_point).mul_(residual_multiplier));
  return requantize(v, y, clamp);
}

Result<IntegerProduct> integer_product(const Site& site, int64_t trailing) {
  if (!site.encoded(1)) return input_error("the integer op {} needs an integer-encoded weight", site.node.op->name);
  FASTC_TRY(const Weight w, by_channel(site.weight(1)));
  if ((w.data.dtype() != DType::kS8 && w.data.dtype() != DType::kS16) || w.encoding.axis != 0 || w.encoding.scales.elements() != w.data.shape()[0])
    return input_error("the integer op {} needs an integer weight with one scale per output channel", site.node.op->name);
  const Quant& x = *site.in(0).quant;
  IntegerProduct p;
  p.x_zero_point = x.zero_point;
  const at::Tensor stored = wrap(w.data);
  p.exact = largest_sum(stored, x) < kExactFloat ? at::kFloat : at::kDouble;
  p.weight = stored.to(p.exact).contiguous();
  if (site.has(2)) {
    if (!site.is_weight(2) || site.weight(2).data.dtype() != DType::kI32)
      return input_error("the integer op {} needs an i32 bias", site.node.op->name);
    p.bias = along_channels(wrap(site.weight(2).data).to(at::kDouble), trailing);
  }
  at::Tensor m = wrap(w.encoding.scales).to(at::kDouble).mul(static_cast<double>(x.scale));
  const auto& y = site.out().quant;
  if (y) m = m.div(static_cast<double>(y->scale));
  p.multiplier = along_channels(m.to(at::kFloat), trailing);
  p.to_float = !y;
  if (!y) return p;
  p.y = *y;
  FASTC_TRY(p.clamp, clamp_of(site.node.string("activation"), site.node.number("lo"), site.node.number("hi"), *y));
  if (site.has(3)) {
    const auto& r = site.in(3).quant;
    if (!r) return input_error("the integer op {} needs a quantized residual", site.node.op->name);
    p.residual_zero_point = r->zero_point;
    p.residual_multiplier = static_cast<float>(static_cast<double>(r->scale) / y->scale);
  }
  return p;
}

}  // namespace fastc::engine
