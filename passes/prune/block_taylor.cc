#include <cmath>

#include <ATen/ops/clamp.h>
#include <ATen/ops/relu.h>
#include <c10/core/GradMode.h>

#include "base/interrupt.h"
#include "base/random.h"
#include "engine/autograd.h"
#include "ir/op.h"
#include "passes/prune/block_importance.h"

namespace fastc::prune {
namespace {

// What a block's result is without its branch: its input, through the activation that was fused into the join.
Result<at::Tensor> without_branch(const Node& join, const at::Tensor& in) {
  const std::string activation = join.attrs.count("activation") ? join.string("activation") : "none";
  if (activation == "none") return in;
  if (activation == "relu") return at::relu(in);
  if (activation == "clip") return at::clamp(in, join.number("lo"), join.number("hi"));
  return stage_error("{}: expected a join without a fused activation, or with relu or clip, found {}; put prune.structural before graph.fuse", join.name, activation);
}

struct Seen { at::Tensor in, out; };

// Σ g·(y − x) of every unit on one batch.
Result<std::vector<double>> products(const BlockRequest& request, const engine::Plan& plan, const Batch& batch, uint64_t seed) {
  std::vector<Seen> seen(request.units.size());
  const auto keep = [&](ValueId value, const at::Tensor& tensor) {
    for (size_t u = 0; u < seen.size(); ++u) {
      const Unit& unit = request.units[u];
      if (value == unit.blocks.front().in) seen[u].in = tensor.detach();
      if (value == request.module.node(unit.blocks.back().join).output()) {
        seen[u].out = tensor;
        if (tensor.requires_grad()) tensor.retain_grad();
      }
    }
  };
  std::vector<at::Tensor> inputs;
  for (size_t i = 0; i < batch.inputs.size() && i < request.module.inputs.size(); ++i) {
    inputs.push_back(wrap(batch.inputs[i]));
    keep(request.module.inputs[i], inputs.back());
  }
  const engine::Plan::Visitor visit = [&](NodeId id, std::span<const at::Tensor>, std::span<const at::Tensor> results) -> Status {
    const Node& node = request.module.node(id);
    for (size_t i = 0; i < results.size() && i < node.outputs.size(); ++i) keep(node.outputs[i], results[i]);
    return {};
  };
  FASTC_TRY(const auto outputs, plan.run(inputs, &visit));
  FASTC_TRY(const at::Tensor loss, label_loss(outputs.at(0), batch.labels, seed));
  if (!std::isfinite(loss.item<double>())) return stage_error("the loss is {} on this batch, so there are no gradients", loss.item<double>());
  if (loss.requires_grad()) loss.backward();
  std::vector<double> out;
  for (size_t u = 0; u < seen.size(); ++u) {
    FASTC_TRY(const at::Tensor rest, without_branch(request.module.node(request.units[u].blocks.back().join), seen[u].in));
    const at::Tensor gradient = seen[u].out.grad();
    out.push_back(gradient.defined() ? gradient.mul(seen[u].out.detach().sub(rest)).sum().item<double>() : 0);
  }
  return out;
}

Result<std::vector<double>> mean_squares(const BlockRequest& request) {
  FASTC_TRY(engine::Plan plan, engine::Plan::prepare(request.module, engine::Mode::kTrainFrozen));
  for (const auto& [name, weight] : request.module.weights) {
    const at::Tensor leaf = plan.weight(name);
    if (leaf.defined() && weight.trainable && weight.data.dtype() == DType::kF32) plan.set_weight(name, leaf.detach().set_requires_grad(true));
  }
  std::vector<double> out(request.units.size());
  ProgressStage stage(request.progress, "gradients of blocks", static_cast<int64_t>(request.batches.size()));
  for (size_t b = 0; b < request.batches.size(); ++b) {
    if (interrupted()) return interrupted_error("measuring blocks");
    FASTC_TRY(const auto sums, products(request, plan, request.batches[b], seed_for(request.seed, b)));
    for (size_t u = 0; u < out.size(); ++u) out[u] += sums[u] * sums[u] / static_cast<double>(request.batches.size());
    stage.step();
  }
  return out;
}

}  // namespace

Result<std::vector<double>> block_taylor(const BlockRequest& request) {
  const c10::AutoGradMode gradients(true);
  try {
    return mean_squares(request);
  } catch (const std::exception& e) {
    return stage_error("gradients could not be computed: {}", std::string(e.what()).substr(0, std::string_view(e.what()).find('\n')));
  }
}

}  // namespace fastc::prune
