#include <ATen/ops/cumsum.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>

#include "engine/eval.h"

namespace fastc::engine {
namespace {

Result<Evaluate> softmax(const Site& site) {
  const int64_t axis = site.node.integer("axis");
  return [axis](Call& call) { call.set(at::softmax(call.in(0), axis)); };
}

Result<Evaluate> log_softmax(const Site& site) {
  const int64_t axis = site.node.integer("axis");
  return [axis](Call& call) { call.set(at::log_softmax(call.in(0), axis)); };
}

Result<Evaluate> cumsum(const Site& site) {
  const int64_t axis = site.node.integer("axis");
  return [axis](Call& call) { call.set(at::cumsum(call.in(0), axis, call.in(0).scalar_type())); };
}

const RegisterEval registered{"softmax", softmax}, registered_log{"log_softmax", log_softmax}, registered_cumsum{"cumsum", cumsum};

}  // namespace
}  // namespace fastc::engine
