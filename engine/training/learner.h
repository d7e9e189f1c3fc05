// One network of a training loop: its leaves, its optimizer, the running mean of its weights, the best it has been.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/training/hook.h"
#include "engine/training/losses.h"
#include "engine/training/optimizer.h"
#include "engine/training/trainee.h"

namespace fastc::engine {

class Learner {
 public:
  // The module is read until finish(), and must not change meanwhile.
  static Result<Learner> prepare(const Module& module, const Loss& loss, const TrainOptions& options, TrainHook* hook);

  // Outputs of a batch; hidden() then holds the values that the loss compares.
  Result<std::vector<at::Tensor>> forward(std::span<const at::Tensor> inputs);
  std::span<const at::Tensor> hidden() const { return hidden_; }
  // The hook's penalty, or undefined.
  at::Tensor penalty(TrainHook::Position position) const;
  // Gradients into the weights, and away.
  void update(double lr, TrainHook::Position position, int64_t updates);

  // What would ship now, as a module of its own.
  Result<Module> snapshot();
  void remember_as_best();
  void return_to_best();  // of the epochs remembered; without one nothing happens
  Status finish(Module& module);
  // Everything that changes, by name; for checkpoints, which write into these tensors.
  std::map<std::string, at::Tensor> state() const;
  std::vector<std::string> left_alone() const { return trainee_.left_alone(); }

 private:
  explicit Learner(Trainee trainee) : trainee_(std::move(trainee)) {}
  std::vector<at::Tensor> leaves() const;  // the network's, then the loss's own
  void average();

  const Module* module_ = nullptr;
  const TrainOptions* options_ = nullptr;
  TrainHook* hook_ = nullptr;
  Trainee trainee_;
  std::map<std::string, at::Tensor> loss_leaves_;
  std::unique_ptr<Optimizer> optimizer_;
  std::map<std::string, at::Tensor> mean_, best_;  // as trainee_.changing(); empty where the options ask for none
  std::vector<NodeId> watched_;
  std::vector<at::Tensor> hidden_;
};

}  // namespace fastc::engine
