// batch_norm: |γ|, the scale of the batch norm that the channel passes (Liu et al. 2017, "Learning Efficient Convolutional Networks
// through Network Slimming"). It says most after training with a penalty on γ, as prune.channel's group_lasso gives.
//
// Several norms along one set (a residual stream) are added up. A set without one cannot be ranked, and is an error that names it.
#include <cmath>

#include "ir/op.h"
#include "passes/prune/importance/filters.h"

namespace fastc::prune {
namespace {

constexpr size_t kScale = 1;  // batch_norm's operand

Result<Worth> batch_norm(const Request& request) {
  const Module& module = request.module;
  Worth worth{std::vector<double>(request.coupling.groups.size()), {}};
  for (const size_t index : request.sets) {
    const ChannelSet& set = request.coupling.sets[index];
    bool found = false;
    for (const NodeId id : set.through) {
      const Node& node = module.node(id);
      if (node.op->name != "batch_norm" || !module.is_weight(node.input(kScale))) continue;
      FASTC_TRY(const Tensor scale, finite_weight(module, node.inputs[kScale]));
      const float* w = scale.data<float>();
      add_to_groups(request.coupling, set, {node.inputs[kScale], 0}, sums_along(scale.shape(), 0, [&](size_t i) { return std::abs(double(w[i])); }), worth.values);
      found = true;
    }
    if (!found) {
      return stage_error("{}: expected a batch norm with a scale behind these channels to rank them by, found none; exclude this node, or choose another importance",
                         set.writers.empty() ? "channels without a writer" : module.node(set.writers.front()).name);
    }
  }
  return worth;
}

const RegisterImportance registered{{.name = "batch_norm", .summary = "|scale| of the batch norm behind the channel (Liu 2017)", .measure = batch_norm}};

}  // namespace
}  // namespace fastc::prune
