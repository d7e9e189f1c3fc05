// The loop of training: batches to outputs to losses to updates, for one network or two that teach each other.
#pragma once

#include <vector>

#include "base/progress.h"
#include "engine/training/checkpoint.h"
#include "engine/training/learner.h"
#include "engine/training/sampling.h"
#include "engine/training/teacher.h"
#include "tasks/task.h"

namespace fastc::engine {

class Loop {
 public:
  // `total`: batches of the whole run.
  Loop(std::vector<Learner>& learners, std::vector<Teacher>& teachers, const Dataset& data, const Loss& loss, const TrainOptions& options,
       const TrainContext& context, const Sampling& sampling, int64_t total)
      : learners_(learners), teachers_(teachers), data_(data), loss_(loss), options_(options), context_(context), sampling_(sampling), total_(total) {}

  // Trains an epoch further, judges on what is held out, and writes both into the standing.
  Status epoch(Standing& standing, ProgressStage& progress);

 private:
  struct Sums {
    double loss = 0;
    int64_t samples = 0, right = 0, judged = 0;
    EpochRow row(int64_t epoch) const;
  };
  // What a batch is for every network.
  struct Lesson {
    std::vector<at::Tensor> inputs;
    at::Tensor labels;
    std::vector<std::vector<at::Tensor>> taught;  // by teacher: its outputs
    std::vector<at::Tensor> taught_hidden;        // of the first teacher
    int64_t size = 0;
  };

  Result<Lesson> lesson(std::span<const int64_t> indices, Random* augment);
  Status learn(std::span<const int64_t> indices, Random& random, Standing& standing, int64_t group, std::vector<Sums>& sums);
  Status judge_held_out(std::vector<EpochRow>& rows);
  // The loss of network `which`, given every network's outputs: its teachers are the teachers and the other networks.
  Result<at::Tensor> loss_of(size_t which, const Lesson& lesson, const std::vector<std::vector<at::Tensor>>& outputs, std::span<const at::Tensor> hidden) const;
  static void count(const at::Tensor& output, const Lesson& lesson, Sums& sums);

  std::vector<Learner>& learners_;
  std::vector<Teacher>& teachers_;
  const Dataset& data_;
  const Loss& loss_;
  const TrainOptions& options_;
  const TrainContext& context_;
  const Sampling& sampling_;
  int64_t total_;
};

}  // namespace fastc::engine
