// Ops that move elements without computing. On u8 and s16 they move integers; concat and pad are the two that need parameters:
//   concat: y = clamp(zy + rne(float(q−z)·m)), m = float32(double(s)/sy), where an operand's parameters differ from the result's
//   pad: with the integer that stands for the value.
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>

#include "engine/ops/integer.h"
#include "ir/ops/common.h"

namespace fastc::engine {
namespace {

Result<Evaluate> reshape(const Site& site) {
  const Shape shape = ops::dims_of(site.node, "shape");
  return [shape](Call& call) { call.set(call.in(0).reshape(call.shape(shape))); };
}

Result<Evaluate> expand(const Site& site) {
  const Shape shape = ops::dims_of(site.node, "shape");
  return [shape](Call& call) { call.set(call.in(0).expand(call.shape(shape))); };
}

Result<Evaluate> permute(const Site& site) {
  const auto order = site.node.integers("perm");
  return [order](Call& call) { call.set(call.in(0).permute(order)); };
}

Result<Evaluate> slice(const Site& site) {
  const int64_t axis = site.node.integer("axis"), step = site.node.integer("step");
  const Dim start = ops::dim_of(site.node, "start"), end = ops::dim_of(site.node, "end");
  return [=](Call& call) { call.set(call.in(0).slice(axis, call.dim(start), call.dim(end), step)); };
}

Result<Evaluate> concat(const Site& site) {
  const int64_t axis = site.node.integer("axis");
  const auto& y = site.out().quant;
  std::vector<std::optional<Quant>> from(site.node.inputs.size());  // set where an operand is requantized
  for (size_t i = 0; i < from.size() && site.integer(); ++i) {
    const auto& x = site.in(i).quant;
    if (!x || !y) return input_error("an integer concat needs all operands and its result quantized");
    if (*x != *y) from[i] = x;
  }
  return [from, axis, to = y.value_or(Quant{})](Call& call) {
    std::vector<at::Tensor> parts;
    for (size_t i = 0; i < call.count(); ++i) {
      parts.push_back(call.in(i));
      if (!from[i]) continue;
      const auto m = static_cast<float>(static_cast<double>(from[i]->scale) / to.scale);
      parts.back() = requantize(parts.back().to(at::kFloat).sub_(from[i]->zero_point).mul_(m), to, whole(to));
    }
    call.set(at::cat(parts, axis));
  };
}

Result<Evaluate> pad(const Site& site) {
  const auto& padding = site.node.integers("padding");
  const size_t rank = padding.size() / 2;
  std::vector<int64_t> last_first;
  for (size_t i = rank; i-- > 0;) last_first.insert(last_first.end(), {padding[i], padding[rank + i]});
  const double value = site.integer() ? quantized(site.node.number("value"), *site.in(0).quant) : site.node.number("value");
  return [=](Call& call) { call.set(at::constant_pad_nd(call.in(0), last_first, value)); };
}

const RegisterEval registered_reshape{"reshape", reshape}, registered_expand{"expand", expand}, registered_permute{"permute", permute},
    registered_slice{"slice", slice}, registered_concat{"concat", concat}, registered_pad{"pad", pad};

}  // namespace
}  // namespace fastc::engine
