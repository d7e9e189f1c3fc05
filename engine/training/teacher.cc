#include "engine/training/teacher.h"

#include <algorithm>

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "engine/training/watch.h"

namespace fastc::engine {
namespace {

constexpr int64_t kMostKept = int64_t{1} << 30;  // bytes

at::Tensor positions(std::span<const int64_t> indices) { return at::tensor(at::ArrayRef<int64_t>(indices.data(), indices.size())); }

}  // namespace

Result<Teacher> Teacher::prepare(const Module& module, int64_t samples, std::vector<NodeId> watched) {
  FASTC_TRY(Plan plan, Plan::prepare(module, Mode::kInfer));
  return Teacher(std::move(plan), samples, std::move(watched));
}

Result<std::vector<at::Tensor>> Teacher::compute(std::span<const at::Tensor> inputs) const {
  if (watched_.empty()) return plan_.run(inputs);
  std::vector<at::Tensor> hidden;
  const Plan::Visitor visit = keep_results(watched_, hidden);
  FASTC_TRY(std::vector<at::Tensor> outputs, plan_.run(inputs, &visit));
  outputs.insert(outputs.end(), hidden.begin(), hidden.end());
  return outputs;
}

Result<std::vector<at::Tensor>> Teacher::outputs(std::span<const at::Tensor> inputs, std::span<const int64_t> indices, bool plain) {
  const c10::AutoGradMode no_gradients(false);
  const bool keep_these = plain && keeps_;
  if (keep_these && !kept_.empty() && std::all_of(indices.begin(), indices.end(), [&](int64_t i) { return known_[i] != 0; })) {
    std::vector<at::Tensor> found;
    for (const at::Tensor& t : kept_) found.push_back(at::index_select(t, 0, positions(indices)));
    return found;
  }
  FASTC_TRY(std::vector<at::Tensor> outputs, compute(inputs));
  if (keep_these) keep(outputs, indices);
  return outputs;
}

void Teacher::keep(const std::vector<at::Tensor>& outputs, std::span<const int64_t> indices) {
  if (kept_.empty()) {
    int64_t bytes = 0;
    for (const at::Tensor& t : outputs) {
      if (t.dim() == 0 || t.size(0) != static_cast<int64_t>(indices.size())) keeps_ = false;
      else bytes += static_cast<int64_t>(t.nbytes()) / t.size(0) * static_cast<int64_t>(known_.size());
    }
    if (bytes > kMostKept) keeps_ = false;
    if (!keeps_) return;
    for (const at::Tensor& t : outputs) {
      std::vector<int64_t> shape(t.sizes().begin(), t.sizes().end());
      shape[0] = static_cast<int64_t>(known_.size());
      kept_.push_back(at::empty(shape, t.options()));
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].sizes().slice(1) != kept_[i].sizes().slice(1)) continue;
    kept_[i].index_copy_(0, positions(indices), outputs[i]);
  }
  for (const int64_t i : indices) known_[i] = 1;
}

}  // namespace fastc::engine
