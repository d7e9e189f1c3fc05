#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_linear1d.h>
#include <ATen/ops/upsample_nearest1d.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "engine/eval.h"
#include "ir/ops/common.h"

namespace fastc::engine {
namespace {

Result<Evaluate> resize(const Site& site) {
  const Shape shape = ops::dims_of(site.node, "size");
  const bool nearest = site.node.string("mode") == "nearest", corners = site.node.flag("align_corners");
  return [=](Call& call) {
    const std::vector<int64_t> size = call.shape(shape);
    const at::Tensor& x = call.in(0);
    if (size.size() == 1) return call.set(nearest ? at::upsample_nearest1d(x, size) : at::upsample_linear1d(x, size, corners));
    call.set(nearest ? at::upsample_nearest2d(x, size) : at::upsample_bilinear2d(x, size, corners));
  };
}

const RegisterEval registered{"resize", resize};

}  // namespace
}  // namespace fastc::engine
