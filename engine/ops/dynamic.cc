#include "engine/ops/dynamic.h"

#include <ATen/ops/aminmax.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

namespace fastc::engine {

DynamicProduct::Operand DynamicProduct::quantize(const at::Tensor& x) const {
  // One row per range.
  const bool rows = per_row && x.dim() > 1;
  const at::Tensor flat = !rows ? x.reshape({1, -1}) : x.reshape({-1, x.size(-1)});
  const auto [least, most] = at::aminmax(flat, 1, true);
  const at::Tensor lo = least.clamp_max(0), hi = most.clamp_min(0);
  at::Tensor s = hi.sub(lo).div_(255.0);
  s = at::where(s.gt(0).logical_and(s.isfinite()), s, at::ones_like(s));
  const at::Tensor inverse = s.reciprocal();
  const at::Tensor zero = lo.neg().div_(s).round_().clamp_(0, 255);
  const at::Tensor q = flat.mul(inverse).round_().add_(zero).clamp_(0, 255);
  Operand operand;
  operand.centered = q.sub(zero).to(exact).reshape(x.sizes());
  if (!rows) {
    operand.scale = s.reshape({});
  } else {
    std::vector<int64_t> shape(x.sizes().begin(), x.sizes().end());
    shape.back() = 1;
    operand.scale = s.reshape(shape);
  }
  return operand;
}

at::Tensor DynamicProduct::result(const Operand& x, const at::Tensor& acc, const at::Tensor& bias) const {
  at::Tensor y = acc.to(at::kFloat).mul_(x.scale.mul(scale));
  if (bias.defined()) {
    std::vector<int64_t> shape{bias.numel()};
    shape.insert(shape.end(), trailing, 1);
    y.add_(bias.reshape(shape));
  }
  return y;
}

at::Tensor DynamicProduct::straight_through(const at::Tensor& x) const {
  const at::Tensor given = x.detach();
  const Operand q = quantize(given);
  return x.add(q.centered.to(x.scalar_type()).mul(q.scale).sub(given));
}

bool is_dynamic(const Site& site) { return !site.node.string("dynamic").empty(); }

Result<DynamicProduct> dynamic_product(const Site& site, int64_t trailing, size_t operand) {
  const Weight& w = site.weight(operand);
  if (w.data.dtype() != DType::kS8 || w.encoding.axis != 0 || w.encoding.group_size != 0 || w.encoding.scales.elements() != w.data.shape()[0])
    return input_error("the dynamic op {} needs an int8 weight with one scale per output channel", site.node.op->name);
  DynamicProduct p;
  p.per_row = site.node.string("dynamic") == "row" && trailing == 0;  // an image has one range
  p.trailing = trailing;
  if (site.mode != Mode::kInfer) return p;
  const at::Tensor stored = wrap(w.data);
  const double bound = stored.to(at::kDouble).abs().flatten(1).sum(1).max().item<double>() * 255;
  p.exact = bound < 16777216.0 ? at::kFloat : at::kDouble;  // as in integer.cc
  p.weight = stored.to(p.exact).contiguous();
  std::vector<int64_t> shape{w.encoding.scales.elements()};
  shape.insert(shape.end(), trailing, 1);
  p.scale = wrap(w.encoding.scales).reshape(shape);
  return p;
}

}  // namespace fastc::engine
