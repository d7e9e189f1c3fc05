#include <ATen/ops/scaled_dot_product_attention.h>

#include "engine/eval.h"

namespace fastc::engine {
namespace {

// softmax(scale·q·kᵀ + mask)·v; key and value heads are repeated where there are fewer of them (grouped queries).
Result<Evaluate> attention(const Site& site) {
  const bool causal = site.node.flag("causal");
  const double scale = site.node.number("scale");
  return [=](Call& call) {
    const std::optional<at::Tensor> mask = call.has(3) ? std::optional(call.in(3)) : std::nullopt;
    const bool grouped = call.in(0).size(1) != call.in(1).size(1);
    call.set(at::scaled_dot_product_attention(call.in(0), call.in(1), call.in(2), mask, 0.0, causal, scale, grouped));
  };
}

const RegisterEval registered{"attention", attention};

}  // namespace
}  // namespace fastc::engine
