#include <ATen/ops/matmul.h>

#include "engine/eval.h"

namespace fastc::engine {
namespace {

Result<Evaluate> matmul(const Site& site) {
  const bool transpose_b = site.node.flag("transpose_b");
  return [transpose_b](Call& call) { call.set(at::matmul(call.in(0), transpose_b ? call.in(1).transpose(-2, -1) : call.in(1))); };
}

const RegisterEval registered{"matmul", matmul};

}  // namespace
}  // namespace fastc::engine
