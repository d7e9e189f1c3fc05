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
  const auto product = [](const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
    return at::linear(x, w, bias.defined() ? std::optional(bias) : std::nullopt);
  };
  if (is_dynamic(site)) {
    FASTC_TRY(const DynamicProduct p, dynamic_product(site, 0));
    return [p, product, epilogue](Call& call) { call.set(epilogue.apply(p(call.in(0), call.in(1), call.maybe(2), product), call.maybe(3))); };
  }
  FASTC_TRY(const at::Tensor stored, stored_weight(site, 1));
  return [epilogue, product, stored](Call& call) {
    call.set(epilogue.apply(product(call.in(0), stored.defined() ? stored : call.in(1), call.maybe(2)), call.maybe(3)));
  };
}

const RegisterEval registered{"linear", linear};

}  // namespace
}  // namespace fastc::engine
