// quantize: q = clamp(z + rne(x · float32(1/s)))     dequantize: x = s·(q − z)
#include <ATen/ops/mul.h>

#include "engine/ops/integer.h"

namespace fastc::engine {
namespace {

Result<Evaluate> quantize(const Site& site) {
  const auto& y = site.out().quant;
  if (!y) return input_error("quantize needs parameters declared for its result");
  if (site.mode != Mode::kInfer) return [](Call& call) { call.set(call.in(0)); };  // Plan rounds what has parameters
  const auto inverse = static_cast<float>(1.0 / static_cast<double>(y->scale));
  return [inverse, to = *y](Call& call) { call.set(requantize(at::mul(call.in(0), inverse), to, whole(to))); };
}

Result<Evaluate> dequantize(const Site& site) {
  if (!site.integer()) return [](Call& call) { call.set(call.in(0)); };  // training: a float already
  const Quant x = *site.in(0).quant;
  return [x](Call& call) { call.set(call.in(0).to(at::kFloat).sub_(x.zero_point).mul_(x.scale)); };
}

const RegisterEval registered{"quantize", quantize}, registered_dequantize{"dequantize", dequantize};

}  // namespace
}  // namespace fastc::engine
