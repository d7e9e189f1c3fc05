#include <ATen/ops/arange.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/where.h>

#include "engine/eval.h"
#include "engine/ops/stored.h"
#include "ir/ops/common.h"

namespace fastc::engine {
namespace {

Result<Evaluate> embedding(const Site& site) {
  FASTC_TRY(const at::Tensor stored, stored_weight(site, 0));
  return [stored](Call& call) { call.set(at::embedding(stored.defined() ? stored : call.in(0), call.in(1))); };
}

Result<Evaluate> gather(const Site& site) {
  const int64_t axis = site.node.integer("axis");
  return [axis](Call& call) { call.set(at::gather(call.in(0), axis, call.in(1).to(at::kLong))); };
}

// numpy's take: the axis is replaced by the indices' axes.
Result<Evaluate> index_select(const Site& site) {
  const int64_t axis = site.node.integer("axis");
  return [axis](Call& call) {
    const at::Tensor &x = call.in(0), &indices = call.in(1);
    std::vector<int64_t> shape(x.sizes().begin(), x.sizes().begin() + axis);
    shape.insert(shape.end(), indices.sizes().begin(), indices.sizes().end());
    shape.insert(shape.end(), x.sizes().begin() + axis + 1, x.sizes().end());
    call.set(at::index_select(x, axis, indices.flatten()).reshape(shape));
  };
}

// A number attribute, whichever of the two kinds it was declared as.
double number(const Node& node, std::string_view name) {
  const Attr& attr = node.attrs.find(name)->second;
  if (const auto* i = std::get_if<int64_t>(&attr)) return static_cast<double>(*i);
  return std::get<double>(attr);
}

// start + i·step
Result<Evaluate> iota(const Site& site) {
  const Dim length = ops::dim_of(site.node, "length");
  const double start = number(site.node, "start"), step = number(site.node, "step");
  const at::ScalarType type = scalar_type(site.out().dtype);
  return [=](Call& call) {
    const at::Tensor i = at::arange(call.dim(length), at::TensorOptions(at::kDouble));
    call.set(i.mul(step).add_(start).to(type));
  };
}

Result<Evaluate> argsort(const Site& site) {
  const bool descending = site.node.flag("descending");
  return [descending](Call& call) { call.set(at::argsort(call.in(0), /*stable=*/true, -1, descending)); };
}

Result<Evaluate> where(const Site&) {
  return [](Call& call) { call.set(at::where(call.in(0).to(at::kBool), call.in(1), call.in(2))); };
}

Result<Evaluate> cast(const Site& site) {
  const at::ScalarType type = scalar_type(site.out().dtype);
  return [type](Call& call) { call.set(call.in(0).to(type)); };
}

const RegisterEval registered_embedding{"embedding", embedding}, registered_gather{"gather", gather}, registered_select{"index_select", index_select}, registered_argsort{"argsort", argsort},
    registered_iota{"iota", iota}, registered_where{"where", where}, registered_cast{"cast", cast};

}  // namespace
}  // namespace fastc::engine
