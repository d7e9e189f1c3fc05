#include "engine/training/learner.h"

#include <algorithm>

#include <c10/core/GradMode.h>

#include "engine/training/watch.h"

namespace fastc::engine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

Tensors copies_of(const Tensors& tensors) {
  Tensors copies;
  for (const auto& [name, t] : tensors) copies.emplace(name, t.detach().clone());
  return copies;
}

void copy_into(const Tensors& targets, const Tensors& values) {
  const c10::AutoGradMode no_gradients(false);
  for (const auto& [name, t] : targets) t.detach().copy_(values.at(name));
}

}  // namespace

Result<Learner> Learner::prepare(const Module& module, const Loss& loss, const TrainOptions& options, TrainHook* hook) {
  FASTC_TRY(Trainee trainee, Trainee::prepare(module, options.batch_norm == "frozen" ? Mode::kTrainFrozen : Mode::kTrain));
  Learner learner(std::move(trainee));
  learner.module_ = &module, learner.options_ = &options, learner.hook_ = hook;
  learner.loss_leaves_ = loss.parameters();
  learner.optimizer_ = make_optimizer(options.optimizer, learner.leaves());
  if (options.ema > 0) learner.mean_ = copies_of(learner.trainee_.changing());
  if (options.patience > 0) learner.best_ = copies_of(learner.trainee_.changing());
  FASTC_TRY(learner.watched_, watched_nodes(module, loss.levels(), &Level::student));
  if (hook != nullptr) hook->begin(learner.trainee_.named_leaves());
  return learner;
}

std::vector<at::Tensor> Learner::leaves() const {
  std::vector<at::Tensor> all = trainee_.leaves();
  for (const auto& [name, leaf] : loss_leaves_) all.push_back(leaf);
  return all;
}

Result<std::vector<at::Tensor>> Learner::forward(std::span<const at::Tensor> inputs) {
  if (watched_.empty()) return trainee_.run(inputs);
  const Plan::Visitor visit = keep_results(watched_, hidden_);
  return trainee_.run(inputs, &visit);
}

at::Tensor Learner::penalty(TrainHook::Position position) const {
  return hook_ != nullptr ? hook_->penalty(trainee_.named_leaves(), position) : at::Tensor();
}

void Learner::update(double lr, TrainHook::Position position, int64_t updates) {
  const c10::AutoGradMode no_gradients(false);
  const std::vector<at::Tensor> all = leaves();
  if (options_->clip > 0) clip_gradients(all, options_->clip);
  if (hook_ != nullptr) hook_->before_update(trainee_.named_leaves(), position);
  optimizer_->steps = updates;
  optimizer_->step(lr);
  trainee_.restore_zeros();
  if (hook_ != nullptr) hook_->after_update(trainee_.named_leaves(), position);
  for (const at::Tensor& leaf : all) leaf.mutable_grad().reset();
  if (options_->ema > 0) average();
}

// mean ← d · mean + (1 − d) · weight. Early on d is lower, (1 + t) / (10 + t), so that where training began is soon forgotten.
void Learner::average() {
  const auto t = static_cast<double>(optimizer_->steps);
  const double decay = std::min(options_->ema, (1 + t) / (10 + t));
  for (const auto& [name, tensor] : trainee_.changing()) mean_.at(name).mul_(decay).add_(tensor.detach(), 1 - decay);
}

Result<Module> Learner::snapshot() {
  Module copy = *module_;
  const Tensors changing = trainee_.changing();
  const Tensors before = options_->ema > 0 ? copies_of(changing) : Tensors();
  if (options_->ema > 0) copy_into(changing, mean_);
  const Status written = trainee_.write_back(copy);
  for (auto& [name, weight] : copy.weights) {
    if (changing.contains(name)) (void)weight.data.mutable_raw();  // memory of its own: the leaves go on changing
  }
  if (options_->ema > 0) copy_into(changing, before);
  FASTC_CHECK(written);
  return copy;
}

void Learner::remember_as_best() {
  if (!best_.empty()) copy_into(best_, options_->ema > 0 ? mean_ : trainee_.changing());
}

void Learner::return_to_best() {
  if (best_.empty()) return;
  copy_into(options_->ema > 0 ? mean_ : trainee_.changing(), best_);
}

Status Learner::finish(Module& module) {
  if (options_->ema > 0) copy_into(trainee_.changing(), mean_);
  return trainee_.write_back(module);
}

std::map<std::string, at::Tensor> Learner::state() const {
  Tensors all = trainee_.changing();
  const auto add = [&](const std::string& prefix, const Tensors& tensors) {
    for (const auto& [name, t] : tensors) all.emplace(prefix + name, t);
  };
  add("loss/", loss_leaves_), add("mean/", mean_), add("best/", best_);
  if (hook_ != nullptr) add("hook/", hook_->state());
  for (const auto& [slot, tensors] : optimizer_->state())
    for (size_t i = 0; i < tensors->size(); ++i) all.emplace("optimizer/" + slot + "/" + std::to_string(i), (*tensors)[i]);
  return all;
}

}  // namespace fastc::engine
