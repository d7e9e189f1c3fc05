// Elementwise functions of one operand. On u8 and s16 (relu, clip) they clamp the integers and keep the parameters.
#include <array>

#include <ATen/ops/abs.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/log.h>
#include <ATen/ops/logical_not.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/sqrt.h>

#include "engine/ops/epilogue.h"
#include "engine/ops/integer.h"

namespace fastc::engine {
namespace {

// The activations that conv, linear and add also know; they may overwrite an operand that nobody needs any more.
Result<Evaluate> activation(const Site& site) {
  const std::string_view name = site.node.op->name;
  double lo = 0, hi = 0;
  if (name == "clip") lo = site.node.number("lo"), hi = site.node.number("hi");
  if (site.integer()) {
    FASTC_TRY(const Clamp bounds, clamp_of(name, lo, hi, *site.in(0).quant));
    return [bounds](Call& call) { call.set(at::clamp(call.in(0), bounds.low, bounds.high)); };
  }
  FASTC_TRY(const Activation kind, activation_of(name));
  return [=](Call& call) { call.set(activate(kind, lo, hi, call.in(0), call.reusable(0))); };
}

template <at::Tensor (*function)(const at::Tensor&)>
Result<Evaluate> plain(const Site&) {
  return [](Call& call) { call.set(function(call.in(0))); };
}

Result<Evaluate> leaky_relu(const Site& site) {
  const double slope = site.node.number("slope");
  return [slope](Call& call) { call.set(at::leaky_relu(call.in(0), slope)); };
}

Result<Evaluate> elu(const Site& site) {
  const double alpha = site.node.number("alpha");
  return [alpha](Call& call) { call.set(at::elu(call.in(0), alpha)); };
}

Result<Evaluate> softplus(const Site&) {
  return [](Call& call) { call.set(at::softplus(call.in(0))); };
}

const std::array registered{
    RegisterEval("relu", activation), RegisterEval("clip", activation), RegisterEval("sigmoid", activation), RegisterEval("tanh", activation),
    RegisterEval("gelu", activation), RegisterEval("gelu_tanh", activation), RegisterEval("silu", activation), RegisterEval("hard_swish", activation),
    RegisterEval("hard_sigmoid", plain<at::hardsigmoid>), RegisterEval("exp", plain<at::exp>), RegisterEval("log", plain<at::log>),
    RegisterEval("sqrt", plain<at::sqrt>), RegisterEval("rsqrt", plain<at::rsqrt>), RegisterEval("neg", plain<at::neg>),
    RegisterEval("abs", plain<at::abs>), RegisterEval("erf", plain<at::erf>), RegisterEval("sin", plain<at::sin>),
    RegisterEval("cos", plain<at::cos>), RegisterEval("reciprocal", plain<at::reciprocal>), RegisterEval("logical_not", plain<at::logical_not>),
    RegisterEval("floor", plain<at::floor>), RegisterEval("leaky_relu", leaky_relu), RegisterEval("elu", elu), RegisterEval("softplus", softplus)};

}  // namespace
}  // namespace fastc::engine
