#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rms_norm.h>

#include "engine/eval.h"

namespace fastc::engine {
namespace {

at::IntArrayRef last(const at::Tensor& x, int64_t axes) { return x.sizes().slice(x.dim() - axes); }

std::optional<at::Tensor> optional(const Call& call, size_t i) { return call.has(i) ? std::optional(call.in(i)) : std::nullopt; }

Result<Evaluate> layer_norm(const Site& site) {
  const int64_t axes = site.node.integer("axes");
  const double eps = site.node.number("eps");
  return [=](Call& call) {
    const at::Tensor& x = call.in(0);
    call.set(at::layer_norm(x, last(x, axes), optional(call, 1), optional(call, 2), eps, false));
  };
}

Result<Evaluate> group_norm(const Site& site) {
  const int64_t groups = site.node.integer("groups");
  const double eps = site.node.number("eps");
  return [=](Call& call) { call.set(at::group_norm(call.in(0), groups, optional(call, 1), optional(call, 2), eps, false)); };
}

Result<Evaluate> rms_norm(const Site& site) {
  const double eps = site.node.number("eps");
  return [=](Call& call) {  // over the last axis
    const at::Tensor& x = call.in(0);
    call.set(at::rms_norm(x, last(x, 1), optional(call, 1), eps));
  };
}

const RegisterEval registered_layer{"layer_norm", layer_norm}, registered_group{"group_norm", group_norm}, registered_rms{"rms_norm", rms_norm};

}  // namespace
}  // namespace fastc::engine
