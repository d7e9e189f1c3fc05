// Elementwise functions of two operands, with numpy broadcasting. Integer add:
//   y = clamp(zy + rne(float(qa−za)·ma + float(qb−zb)·mb)),  ma = float32(double(sa)/sy), mb likewise; two multiplies, one add, no fma.
#include <array>

#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/le.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/sub.h>

#include "engine/ops/epilogue.h"
#include "engine/ops/integer.h"

namespace fastc::engine {
namespace {

Result<Evaluate> integer_add(const Site& site) {
  const auto &a = site.in(0).quant, &b = site.in(1).quant, &y = site.out().quant;
  if (!a || !b || !y) return input_error("an integer add needs both operands and its result quantized");
  FASTC_TRY(const Clamp bounds, clamp_of(site.node.string("activation"), site.node.number("lo"), site.node.number("hi"), *y));
  const auto ma = static_cast<float>(static_cast<double>(a->scale) / y->scale), mb = static_cast<float>(static_cast<double>(b->scale) / y->scale);
  const int32_t za = a->zero_point, zb = b->zero_point;
  return [=, to = *y](Call& call) {
    const at::Tensor left = call.in(0).to(at::kFloat).sub_(za).mul_(ma);
    const at::Tensor right = call.in(1).to(at::kFloat).sub_(zb).mul_(mb);
    call.set(requantize(at::add(left, right), to, bounds));
  };
}

Result<Evaluate> add(const Site& site) {
  if (site.integer()) return integer_add(site);
  FASTC_TRY(const Epilogue epilogue, epilogue_of(site.node));
  const bool same_shape = site.in(0) == site.out() && site.in(1) == site.out();
  return [=](Call& call) {
    // Into the operand that dies, when it has the result's shape: a residual sum then costs no new memory.
    if (same_shape && call.reusable(0)) return call.set(epilogue.apply(call.in(0).add_(call.in(1))));
    if (same_shape && call.reusable(1)) return call.set(epilogue.apply(call.in(1).add_(call.in(0))));
    call.set(epilogue.apply(at::add(call.in(0), call.in(1))));
  };
}

// LibTorch divides integers into floats and knows no pow of a bool; types are equal here, by the IR's rule.
at::Tensor divide(const at::Tensor& a, const at::Tensor& b) {
  return at::isFloatingType(a.scalar_type()) ? at::div(a, b) : at::div(a, b, "trunc");
}
at::Tensor subtract(const at::Tensor& a, const at::Tensor& b) { return at::sub(a, b); }
at::Tensor power(const at::Tensor& a, const at::Tensor& b) { return at::pow(a, b); }

template <at::Tensor (*function)(const at::Tensor&, const at::Tensor&)>
Result<Evaluate> plain(const Site&) {
  return [](Call& call) { call.set(function(call.in(0), call.in(1))); };
}

const std::array registered{
    RegisterEval("add", add), RegisterEval("sub", plain<subtract>), RegisterEval("mul", plain<at::mul>), RegisterEval("div", plain<divide>),
    RegisterEval("pow", plain<power>), RegisterEval("minimum", plain<at::minimum>), RegisterEval("maximum", plain<at::maximum>),
    RegisterEval("eq", plain<at::eq>), RegisterEval("ne", plain<at::ne>), RegisterEval("lt", plain<at::lt>), RegisterEval("le", plain<at::le>),
    RegisterEval("gt", plain<at::gt>), RegisterEval("ge", plain<at::ge>), RegisterEval("logical_and", plain<at::logical_and>),
    RegisterEval("logical_or", plain<at::logical_or>)};

}  // namespace
}  // namespace fastc::engine
