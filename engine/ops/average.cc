#include "engine/ops/average.h"

#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/mul.h>

#include "engine/ops/integer.h"

namespace fastc::engine {

at::Tensor IntegerAverage::operand(const at::Tensor& q) const { return q.to(at::kDouble).sub_(x.zero_point); }

at::Tensor IntegerAverage::result(const at::Tensor& sums, int64_t count) const {
  return result(sums, at::full({}, static_cast<double>(count), at::TensorOptions(at::kDouble)));
}

at::Tensor IntegerAverage::result(const at::Tensor& sums, const at::Tensor& counts) const {
  const at::Tensor steps = counts.to(at::kDouble).mul(static_cast<double>(y.scale));
  const at::Tensor m = at::full_like(steps, static_cast<double>(x.scale)).div_(steps);  // one division, as lowering does it
  return requantize(at::mul(sums.to(at::kFloat), m.to(at::kFloat)), y, whole(y));
}

Result<IntegerAverage> integer_average(const Site& site) {
  const auto& y = site.out().quant;
  if (!y) return input_error("the integer op {} needs parameters declared for its result", site.node.op->name);
  return IntegerAverage{*site.in(0).quant, *y};
}

}  // namespace fastc::engine
