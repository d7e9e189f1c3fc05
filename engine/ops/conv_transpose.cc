#include <ATen/ops/conv_transpose1d.h>
#include <ATen/ops/conv_transpose2d.h>

#include "engine/eval.h"

namespace fastc::engine {
namespace {

Result<Evaluate> conv_transpose(const Site& site) {
  const auto stride = site.node.integers("stride"), padding = site.node.integers("padding");
  const auto extra = site.node.integers("output_padding"), dilation = site.node.integers("dilation");
  const int64_t groups = site.node.integer("groups");
  return [=](Call& call) {
    const std::optional<at::Tensor> bias = call.has(2) ? std::optional(call.in(2)) : std::nullopt;
    call.set(stride.size() == 1 ? at::conv_transpose1d(call.in(0), call.in(1), bias, stride, padding, extra, groups, dilation)
                                : at::conv_transpose2d(call.in(0), call.in(1), bias, stride, padding, extra, groups, dilation));
  };
}

const RegisterEval registered{"conv_transpose", conv_transpose};

}  // namespace
}  // namespace fastc::engine
