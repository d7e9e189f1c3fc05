#include "engine/ops/stored.h"

#include <algorithm>

#include "ir/rewrite.h"

namespace fastc::engine {
namespace {

bool reads_as_f32(const Module& module, const Node& user, ValueId weight, const std::vector<std::vector<NodeId>>& uses) {
  const ValueId result = user.output();
  if (is_op(user, "conv") || is_op(user, "linear")) return user.input(1) == weight && module.value(result).type.dtype == DType::kF32;
  if (!is_op(user, "embedding") || user.input(0) != weight || module.is_output(result)) return false;
  const std::vector<NodeId>& next = uses[static_cast<size_t>(result)];
  return std::all_of(next.begin(), next.end(), [&](NodeId id) { return is_op(module.node(id), "cast") && module.value(module.node(id).output()).type.dtype == DType::kF32; });
}

}  // namespace

bool is_half(const Weight& weight) { return weight.data.dtype() == DType::kF16 || weight.data.dtype() == DType::kBF16; }

bool computed_in_f32(const Module& module, ValueId weight) {
  const auto uses = module.uses();
  const std::vector<NodeId>& users = uses[static_cast<size_t>(weight)];
  return !module.is_output(weight) && std::all_of(users.begin(), users.end(), [&](NodeId id) { return reads_as_f32(module, module.node(id), weight, uses); });
}

Result<at::Tensor> stored_weight(const Site& site, size_t operand) {
  if (!site.is_weight(operand) || site.out().dtype != DType::kF32 || site.integer()) return at::Tensor();
  const auto dynamic = site.node.attrs.find("dynamic");
  if (dynamic != site.node.attrs.end() && !std::get<std::string>(dynamic->second).empty()) return at::Tensor();
  const Weight& weight = site.weight(operand);
  if (site.encoded(operand)) {
    FASTC_TRY(const Tensor real, decode(weight));
    return wrap(real);
  }
  if (!is_half(weight) || (site.mode != Mode::kInfer && computed_in_f32(site.module, site.node.inputs[operand]))) return at::Tensor();
  return wrap(weight.data).to(at::kFloat);
}

}  // namespace fastc::engine
