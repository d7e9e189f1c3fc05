#include <algorithm>
#include <cmath>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>

#include "base/random.h"
#include "engine/autograd.h"
#include "engine/engine.h"

namespace fastc {
namespace {

// One label a row, drawn from the softmax of the logits.
at::Tensor draw_labels(const at::Tensor& logits, uint64_t seed) {
  const at::Tensor p = at::softmax(logits.detach().to(at::kDouble), -1).contiguous();
  at::Tensor labels = at::empty({p.size(0)}, at::TensorOptions(at::kLong));
  for (int64_t row = 0; row < p.size(0); ++row) {
    Random random(seed_for(seed, static_cast<uint64_t>(row)));
    const double* probabilities = p.const_data_ptr<double>() + row * p.size(1);
    double left = random.uniform();
    int64_t label = 0;
    while (label + 1 < p.size(1) && left >= probabilities[label]) left -= probabilities[label++];
    labels.mutable_data_ptr<int64_t>()[row] = label;
  }
  return labels;
}

}  // namespace

Result<at::Tensor> label_loss(const at::Tensor& output, const Tensor& labels, uint64_t seed) {
  if (output.dim() < 2 || !at::isFloatingType(output.scalar_type()))
    return stage_error("gradients need an output of class scores, [N,classes]; output 0 has {} axes", output.dim());
  // [N, …, classes]: every position is a sample of its own.
  const at::Tensor logits = output.reshape({-1, output.size(-1)});
  const at::Tensor truth = labels.defined() ? wrap(labels).reshape({-1}) : draw_labels(logits, seed);
  if (truth.scalar_type() != at::kLong || truth.size(0) != logits.size(0))
    return stage_error("expected {} labels (i64) for the gradients, found {}", logits.size(0), truth.size(0));
  if (truth.numel() > 0 && (truth.min().item<int64_t>() < 0 || truth.max().item<int64_t>() >= logits.size(1)))
    return stage_error("labels must be in 0..{} for the gradients, found {} to {}", logits.size(1) - 1, truth.min().item<int64_t>(), truth.max().item<int64_t>());
  return at::cross_entropy_loss(logits, truth);
}

Result<std::map<std::string, Tensor>> weight_gradients(const Module& module, std::span<const Tensor> inputs, const Tensor& labels, uint64_t seed) {
  const c10::AutoGradMode gradients(true);
  try {
    FASTC_TRY(engine::Plan plan, engine::Plan::prepare(module, engine::Mode::kTrainFrozen));
    std::map<std::string, at::Tensor> leaves;
    for (const auto& [name, weight] : module.weights) {
      if (!weight.trainable || weight.data.dtype() != DType::kF32) continue;
      at::Tensor leaf = plan.weight(name);
      if (!leaf.defined()) continue;
      leaf = leaf.detach().set_requires_grad(true);
      plan.set_weight(name, leaf);
      leaves.emplace(name, leaf);
    }
    std::vector<at::Tensor> wrapped;
    for (const Tensor& input : inputs) wrapped.push_back(wrap(input));
    FASTC_TRY(const std::vector<at::Tensor> outputs, plan.run(wrapped));
    FASTC_TRY(const at::Tensor loss, label_loss(outputs.at(0), labels, seed));
    if (!std::isfinite(loss.item<double>())) return stage_error("the loss is {} on this batch, so there are no gradients", loss.item<double>());
    if (loss.requires_grad()) loss.backward();
    std::map<std::string, Tensor> result;
    for (const auto& [name, leaf] : leaves) {
      const at::Tensor g = leaf.grad();
      // An unused weight has a gradient of zero.
      FASTC_TRY(Tensor tensor, g.defined() ? unwrap(g) : Result<Tensor>(Tensor::zeros(DType::kF32, module.weights.find(name)->second.data.shape())));
      result.emplace(name, std::move(tensor));
    }
    return result;
  } catch (const std::exception& e) {
    return stage_error("gradients could not be computed: {}", std::string(e.what()).substr(0, std::string_view(e.what()).find('\n')));
  }
}

}  // namespace fastc
