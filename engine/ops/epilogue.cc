#include "engine/ops/epilogue.h"

#include <array>
#include <utility>

#include <ATen/ops/add.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>

namespace fastc::engine {

Result<Activation> activation_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Activation>, 9> kNames{{{"none", Activation::kNone},
                                                                                  {"relu", Activation::kRelu},
                                                                                  {"clip", Activation::kClip},
                                                                                  {"sigmoid", Activation::kSigmoid},
                                                                                  {"tanh", Activation::kTanh},
                                                                                  {"gelu", Activation::kGelu},
                                                                                  {"gelu_tanh", Activation::kGeluTanh},
                                                                                  {"silu", Activation::kSilu},
                                                                                  {"hard_swish", Activation::kHardSwish}}};
  for (const auto& [known, activation] : kNames)
    if (known == name) return activation;
  return internal_error("the engine has no activation called '{}'", name);
}

Result<Epilogue> epilogue_of(const Node& node) {
  FASTC_TRY(const Activation activation, activation_of(node.string("activation")));
  return Epilogue{activation, node.number("lo"), node.number("hi")};
}

at::Tensor activate(Activation activation, double lo, double hi, at::Tensor y, bool in_place) {
  switch (activation) {
    case Activation::kNone: return y;
    case Activation::kRelu: return in_place ? at::relu_(y) : at::relu(y);
    case Activation::kClip: return in_place ? at::clamp_(y, lo, hi) : at::clamp(y, lo, hi);
    case Activation::kSigmoid: return in_place ? at::sigmoid_(y) : at::sigmoid(y);
    case Activation::kTanh: return in_place ? at::tanh_(y) : at::tanh(y);
    case Activation::kGelu: return in_place ? at::gelu_(y) : at::gelu(y);
    case Activation::kGeluTanh: return in_place ? at::gelu_(y, "tanh") : at::gelu(y, "tanh");
    case Activation::kSilu: return in_place ? at::silu_(y) : at::silu(y);
    case Activation::kHardSwish: return in_place ? at::hardswish_(y) : at::hardswish(y);
  }
  return y;
}

at::Tensor Epilogue::apply(at::Tensor y, const at::Tensor& residual) const {
  const bool in_place = !recording();
  if (residual.defined()) y = in_place ? y.add_(residual) : at::add(y, residual);
  // relu keeps its result, not its operand, for the gradient: it may overwrite a sum, whose gradient needs neither.
  return activate(activation, lo, hi, std::move(y), in_place || (activation == Activation::kRelu && residual.defined()));
}

}  // namespace fastc::engine
