// The outputs a student is compared with. They are kept from one epoch to the next where nothing random was done to the samples.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/autograd.h"
#include "tasks/task.h"

namespace fastc::engine {

class Teacher {
 public:
  // `samples`: the data set's size. `watched`: nodes whose first results are wanted too. The module must outlive this.
  static Result<Teacher> prepare(const Module& module, int64_t samples, std::vector<NodeId> watched = {});
  // Outputs, then the watched nodes' results. `plain`: the inputs are the samples as they are in the data set, not changed at random.
  Result<std::vector<at::Tensor>> outputs(std::span<const at::Tensor> inputs, std::span<const int64_t> indices, bool plain);

 private:
  Teacher(Plan plan, int64_t samples, std::vector<NodeId> watched) : plan_(std::move(plan)), watched_(std::move(watched)), known_(samples, 0) {}
  Result<std::vector<at::Tensor>> compute(std::span<const at::Tensor> inputs) const;
  void keep(const std::vector<at::Tensor>& outputs, std::span<const int64_t> indices);
  Plan plan_;
  std::vector<NodeId> watched_;
  std::vector<char> known_;          // by sample
  std::vector<at::Tensor> kept_;     // by output: [samples, …]
  bool keeps_ = true;                // false once an output turned out not to be per sample, or too large
};

}  // namespace fastc::engine
