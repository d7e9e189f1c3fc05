// conv: float, integer (see integer.h), and int8 weights with ranges taken at run time (see dynamic.h).
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv3d.h>

#include "engine/ops/dynamic.h"
#include "engine/ops/epilogue.h"
#include "engine/ops/integer.h"
#include "engine/ops/stored.h"

namespace fastc::engine {
namespace {

struct Geometry {
  std::vector<int64_t> stride, padding, dilation;
  std::vector<int64_t> explicit_padding;  // not empty: begins and ends differ, so the operand is padded first
  int64_t groups = 1;

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) const {
    const at::Tensor padded = explicit_padding.empty() ? x : at::constant_pad_nd(x, explicit_padding);
    const std::optional<at::Tensor> b = bias.defined() ? std::optional(bias) : std::nullopt;
    if (stride.size() == 1) return at::conv1d(padded, w, b, stride, padding, dilation, groups);
    return stride.size() == 2 ? at::conv2d(padded, w, b, stride, padding, dilation, groups)
                              : at::conv3d(padded, w, b, stride, padding, dilation, groups);
  }
};

Geometry geometry_of(const Node& node) {
  Geometry g{node.integers("stride"), {}, node.integers("dilation"), {}, node.integer("groups")};
  const auto& padding = node.integers("padding");
  const size_t spatial = g.stride.size();
  const std::vector<int64_t> begins(padding.begin(), padding.begin() + spatial), ends(padding.begin() + spatial, padding.end());
  g.padding = begins;
  if (begins == ends) return g;
  g.padding.assign(spatial, 0);
  for (size_t i = spatial; i-- > 0;) g.explicit_padding.insert(g.explicit_padding.end(), {begins[i], ends[i]});  // last axis first
  return g;
}

Result<Evaluate> conv(const Site& site) {
  const Geometry geometry = geometry_of(site.node);
  const auto trailing = static_cast<int64_t>(geometry.stride.size());
  FASTC_TRY(const Epilogue epilogue, epilogue_of(site.node));
  if (site.integer()) {
    FASTC_TRY(const IntegerProduct p, integer_product(site, trailing));
    return [p, geometry, epilogue](Call& call) {
      const at::Tensor y = p.result(geometry(p.operand(call.in(0)), p.weight, {}), call.maybe(3));
      call.set(p.to_float ? epilogue.apply(y) : y);  // a u8 result was clamped
    };
  }
  if (is_dynamic(site)) {
    FASTC_TRY(const DynamicProduct p, dynamic_product(site, trailing));
    return [p, geometry, epilogue](Call& call) { call.set(epilogue.apply(p(call.in(0), call.in(1), call.maybe(2), geometry), call.maybe(3))); };
  }
  FASTC_TRY(const at::Tensor stored, stored_weight(site, 1));
  return [geometry, epilogue, stored](Call& call) {
    call.set(epilogue.apply(geometry(call.in(0), stored.defined() ? stored : call.in(1), call.maybe(2)), call.maybe(3)));
  };
}

const RegisterEval registered{"conv", conv};

}  // namespace
}  // namespace fastc::engine
