// linear: float, integer (see integer.h), and int8 weights with ranges taken at run time (see dynamic.h).
#include <ATen/ops/linear.h>

#include "engine/ops/dynamic.h"
#include "engine/ops/epilogue.h"
#include "engine/ops/integer.h"
#include "engine/ops/stored.h"

namespace fastc::engine {
namespace {

Result<Evaluate> linear(const Site& site) {
  FASTC_TRY(const Epilogue epilogue, epilogue_of(site.node));
  if (site.integer()) {
    FASTC_TRY(const IntegerProduct p, integer_product(site, 0));
    return [p, epilogue](Call& call) {
      const at::Tensor y = p.result(at::linear(p.operand(call.in(0)), p.weight), call.maybe(3));
      call.set(p.to_float ? epilogue.apply(y) : y);  // a u8 result was clamped
    };
  }
  FASTC_TRY(const at::Tensor stored, stored_weight(site, 1));
  if (site.encoded(1) && !stored.defined()) {
    FASTC_TRY(const DynamicProduct p, dynamic_product(site, 0));
    return [p, epilogue](Call& call) {
      const auto x = p.quantize(call.in(0));
      call.set(epilogue.apply(p.result(x, at::linear(x.centered, p.weight), call.maybe(2)), call.maybe(3)));
    };
  }
  return [epilogue, stored](Call& call) {
    const at::Tensor bias = call.maybe(2);
    const std::optional<at::Tensor> b = bias.defined() ? std::optional(bias) : std::nullopt;
    call.set(epilogue.apply(at::linear(call.in(0), stored.defined() ? stored : call.in(1), b), call.maybe(3)));
  };
}

const RegisterEval registered{"linear", linear};

}  // namespace
}  // namespace fastc::engine
