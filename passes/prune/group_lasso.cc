#include "passes/prune/group_lasso.h"

#include <cmath>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include "engine/training/hook.h"

namespace fastc::prune {
namespace {

// Keeps the gradient of the root finite at a group of zeros.
constexpr double kTiny = 1e-12;

// One weight's share in the groups of a set: indices along an axis, so many a group, group after group.
struct Part {
  std::string weight;
  int64_t axis = 0;
  at::Tensor indices;  // i64 [groups · per group]
};

struct PenalizedSet {
  int64_t groups = 0;
  double size = 0;  // numbers in one group
  std::vector<Part> parts;
};

PenalizedSet describe(const Module& module, const Coupling& coupling, const ChannelSet& set) {
  PenalizedSet out{static_cast<int64_t>(set.groups.size()), 0, {}};
  const auto& first = coupling.groups[set.groups.front()].members;
  for (size_t m = 0; m < first.size(); ++m) {
    if (!module.is_weight(first[m].value) || !module.weight(first[m].value).trainable) continue;
    std::vector<int64_t> indices;
    for (const size_t group : set.groups) {
      const auto& own = coupling.groups[group].members[m].indices;
      indices.insert(indices.end(), own.begin(), own.end());
    }
    const Tensor& data = module.weight(first[m].value).data;
    const auto axis = static_cast<size_t>(first[m].axis);
    out.size += static_cast<double>(data.elements() / data.shape()[axis] * static_cast<int64_t>(first[m].indices.size()));
    const at::Tensor view = at::from_blob(indices.data(), {static_cast<int64_t>(indices.size())}, at::TensorOptions(at::kLong));
    out.parts.push_back({module.value(first[m].value).name, first[m].axis, view.clone()});
  }
  return out;
}

class GroupLasso final : public TrainHook {
 public:
  GroupLasso(std::vector<PenalizedSet> sets, double strength) : sets_(std::move(sets)), strength_(strength) {}
  std::string name() const override { return fmt::format("group_lasso({}, {} sets)", strength_, sets_.size()); }

  at::Tensor penalty(const Weights& weights, Position) override {
    at::Tensor total;
    for (const PenalizedSet& set : sets_) {
      const at::Tensor squares = squares_of(set, weights);
      if (!squares.defined()) continue;
      const at::Tensor share = squares.add(kTiny).sqrt().sum().mul(strength_ * std::sqrt(set.size));
      total = total.defined() ? total.add(share) : share;
    }
    return total;
  }

 private:
  // ‖w_g‖² of each group.
  static at::Tensor squares_of(const PenalizedSet& set, const Weights& weights) {
    at::Tensor sum;
    for (const Part& part : set.parts) {
      const auto leaf = weights.find(part.weight);
      if (leaf == weights.end()) continue;
      const at::Tensor along = leaf->second.square().transpose(0, part.axis).reshape({leaf->second.size(part.axis), -1}).sum(1);
      const at::Tensor own = along.index_select(0, part.indices).reshape({set.groups, -1}).sum(1);
      sum = sum.defined() ? sum.add(own) : own;
    }
    return sum;
  }

  std::vector<PenalizedSet> sets_;
  double strength_;
};

}  // namespace

std::shared_ptr<TrainHook> group_lasso(const Module& module, const Coupling& coupling, std::span<const size_t> sets, double strength) {
  std::vector<PenalizedSet> penalized;
  for (const size_t set : sets) penalized.push_back(describe(module, coupling, coupling.sets[set]));
  return std::make_shared<GroupLasso>(std::move(penalized), strength);
}

}  // namespace fastc::prune
