#include <algorithm>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include "engine/autograd.h"
#include "engine/engine.h"
#include "engine/eval.h"

namespace fastc {
namespace {

std::vector<at::Tensor> wrap_all(std::span<const Tensor> tensors) {
  std::vector<at::Tensor> wrapped;
  wrapped.reserve(tensors.size());
  for (const Tensor& t : tensors) wrapped.push_back(wrap(t));
  return wrapped;
}

Result<std::vector<Tensor>> unwrap_all(std::span<const at::Tensor> tensors) {
  std::vector<Tensor> unwrapped;
  unwrapped.reserve(tensors.size());
  for (const at::Tensor& t : tensors) {
    FASTC_TRY(Tensor tensor, unwrap(t));
    unwrapped.push_back(std::move(tensor));
  }
  return unwrapped;
}

}  // namespace

void set_engine_threads(int threads) { at::set_num_threads(std::max(1, threads)); }

struct Evaluator::Impl {
  engine::Plan plan;
};

Evaluator::Evaluator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;
Evaluator::~Evaluator() = default;

Result<Evaluator> Evaluator::prepare(const Module& module) {
  const c10::InferenceMode no_gradients;
  FASTC_TRY(engine::Plan plan, engine::Plan::prepare(module, engine::Mode::kInfer));
  return Evaluator(std::make_unique<Impl>(Impl{std::move(plan)}));
}

Result<std::vector<Tensor>> Evaluator::run(std::span<const Tensor> inputs) const {
  const c10::InferenceMode no_gradients;
  FASTC_TRY(const std::vector<at::Tensor> outputs, impl_->plan.run(wrap_all(inputs)));
  return unwrap_all(outputs);
}

Result<std::vector<Tensor>> Evaluator::run(std::span<const Tensor> inputs, const Visitor& visit) const {
  const c10::InferenceMode no_gradients;
  const Module& module = impl_->plan.module();
  const engine::Plan::Visitor hand_out = [&](NodeId id, std::span<const at::Tensor> operands, std::span<const at::Tensor> results) -> Status {
    std::vector<at::Tensor> activations(operands.begin(), operands.end());
    for (size_t i = 0; i < activations.size(); ++i)
      if (module.is_weight(module.node(id).inputs[i])) activations[i] = at::Tensor();
    FASTC_TRY(const std::vector<Tensor> seen, unwrap_all(activations));
    FASTC_TRY(const std::vector<Tensor> made, unwrap_all(results));
    return visit(id, seen, made);
  };
  FASTC_TRY(const std::vector<at::Tensor> outputs, impl_->plan.run(wrap_all(inputs), &hand_out));
  return unwrap_all(outputs);
}

Result<std::vector<Tensor>> evaluate_node(const Module& module, NodeId id, std::span<const Tensor> operands) {
  const c10::InferenceMode no_gradients;
  const Node& node = module.node(id);
  const engine::Prepare prepare = engine::find_eval(node.op->name);
  if (prepare == nullptr) return internal_error("{}: the engine has no evaluation of the op {}", node.name, node.op->name);
  SymbolValues symbols;
  engine::Frame frame{std::vector<at::Tensor>(module.value_count()), &symbols};
  engine::Step step{.node = id, .evaluate = {}, .inputs = node.inputs, .outputs = node.outputs, .dies = std::vector<char>(node.inputs.size(), 0), .frees = {}};
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId value = node.inputs[i];
    if (value == kNoId) continue;
    const Tensor given = i < operands.size() && operands[i].defined() ? operands[i] : module.is_weight(value) ? module.weight(value).data : Tensor();
    if (!given.defined()) return internal_error("{}: its operand {} was not given", node.name, module.value(value).name);
    frame.values[value] = wrap(given);
    const Shape& shape = module.value(value).type.shape;
    for (size_t axis = 0; axis < std::min(shape.size(), given.shape().size()); ++axis)
      engine::bind_symbol(shape[axis], given.shape()[axis], symbols);
  }
  try {
    auto evaluate = prepare(engine::Site{module, node, engine::Mode::kInfer});
    if (!evaluate) return at(node.name, evaluate.error());
    engine::Call call(frame, step);
    (*evaluate)(call);
  } catch (const std::exception& e) {
    return engine::evaluation_error(module, step, frame, e);
  }
  std::vector<at::Tensor> results;
  for (const ValueId value : node.outputs) results.push_back(frame.values[value]);
  return unwrap_all(results);
}

}  // namespace fastc
