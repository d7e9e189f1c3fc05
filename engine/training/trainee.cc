#include "engine/training/trainee.h"

#include "engine/training/requantize.h"
#include "ir/op.h"

#include <algorithm>
#include <set>

#include <c10/core/GradMode.h>
#include <fmt/format.h>

namespace fastc::engine {
namespace {

// A copy of our own. Images are computed with channels last, which LibTorch's convolutions and batch norm prefer.
at::Tensor own_copy(const at::Tensor& t) {
  return t.detach().clone(t.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

std::set<std::string> running_statistics(const Module& module) {
  std::set<std::string> names;
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    if (node.op->name != "batch_norm") continue;
    for (const size_t operand : {size_t{3}, size_t{4}})
      if (module.is_weight(node.input(operand))) names.insert(module.value(node.input(operand)).name);
  }
  return names;
}

// Is it a layer's own numbers, in whatever form they are kept?
bool should_change(const Weight& weight) {
  return weight.trainable && (weight.encoding.kind == Encoding::Kind::kInt || at::isFloatingType(scalar_type(weight.data.dtype())));
}

}  // namespace

Result<Trainee> Trainee::prepare(const Module& module, Mode mode) {
  const c10::AutoGradMode no_gradients(false);
  FASTC_TRY(Plan plan, Plan::prepare(module, mode));
  Trainee trainee(std::move(plan));
  const std::set<std::string> statistics = running_statistics(module);
  for (const auto& [name, weight] : module.weights) {
    const at::Tensor shared = trainee.plan_.weight(name);
    if (!shared.defined() || shared.scalar_type() != at::kFloat) continue;
    const bool encoded = weight.encoding.kind == Encoding::Kind::kInt;
    if (statistics.contains(name)) {
      if (mode == Mode::kTrain) trainee.plan_.set_weight(name, trainee.statistics_[name] = own_copy(shared));
    } else if (weight.trainable && (!encoded || trainee.plan_.roundings().contains(module.find_value(name)))) {
      trainee.add_leaf(name, shared);
      const at::Tensor& leaf = trainee.leaves_[name];
      if (weight.encoding.sparsity != Encoding::Sparsity::kNone) trainee.patterns_.emplace_back(leaf, leaf.detach().ne(0).to(at::kFloat));
    }
  }
  if (trainee.leaves_.empty()) {
    const std::vector<std::string> alone = trainee.left_alone();
    return stage_error("the network has no float weight that could be trained{}", alone.empty() ? "" : fmt::format("; {} compute with theirs in another type than f32", fmt::join(alone, ", ")));
  }
  for (auto& [id, rounding] : trainee.plan_.roundings()) {
    const std::string& name = module.value(id).name;
    if (module.is_weight(id) && !trainee.leaves_.contains(name)) continue;
    rounding.log_factor.set_requires_grad(true);
    trainee.leaves_[name + "/step"] = rounding.log_factor;
  }
  return trainee;
}

void Trainee::add_leaf(const std::string& name, const at::Tensor& start) {
  at::Tensor leaf = own_copy(start).set_requires_grad(true);
  plan_.set_weight(name, leaf);
  leaves_[name] = leaf;
}

std::vector<at::Tensor> Trainee::leaves() const {
  std::vector<at::Tensor> list;
  for (const auto& [name, leaf] : leaves_) list.push_back(leaf);
  return list;
}

std::map<std::string, at::Tensor> Trainee::changing() const {
  std::map<std::string, at::Tensor> all = statistics_;
  all.insert(leaves_.begin(), leaves_.end());
  return all;
}

std::vector<std::string> Trainee::left_alone() const {
  const Module& module = plan_.module();
  const auto untrained = [&](ValueId id) {
    return module.is_weight(id) && should_change(module.weight(id)) && !leaves_.contains(module.value(id).name) && !statistics_.contains(module.value(id).name);
  };
  std::vector<std::string> names;
  for (const NodeId id : module.order())
    if (const Node& node = module.node(id); std::any_of(node.inputs.begin(), node.inputs.end(), untrained)) names.push_back(node.name);
  return names;
}

void Trainee::clear_gradients() {
  for (auto& [name, leaf] : leaves_) leaf.mutable_grad().reset();
}

void Trainee::restore_zeros() {
  for (auto& [leaf, mask] : patterns_) leaf.detach().mul_(mask);
}

Status Trainee::write_back(Module& module) const {
  if (quantized()) return requantize(module, plan_, changing());
  std::map<std::string, Tensor> results;
  for (const auto& [name, tensor] : changing()) {
    FASTC_TRY(results[name], as_stored(tensor, module.weights.find(name)->second.data.dtype()));
  }
  for (auto& [name, tensor] : results) module.weights.find(name)->second.data = std::move(tensor);
  return {};
}

}  // namespace fastc::engine
