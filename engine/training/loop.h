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
       const TrainContext& context, const Sampling& sampling, int64_t total);

  // Trains an epoch further, judges on what is held out, and writes both into the standing.
  Status epoch(Standing& standing, ProgressStage& progress);
  // Of all teachers together.
  TeacherUse teacher_use() const;
  // Sets of samples that differ by what was changed at random in them, as many as a run of so many batches sees.
  static int64_t variants(const TrainOptions& options, const Sampling& sampling, int64_t total);

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

  // `fixed`: the samples that these are of; null: they look like this but once.
  Result<Lesson> lesson(std::span<const int64_t> indices, Seen batch, const FixedSamples* fixed);
  Result<Lesson> training_lesson(std::span<const int64_t> indices, int64_t epoch, Random& random);
  Status learn(const Lesson& lesson, Standing& standing, int64_t group, std::vector<Sums>& sums);
  void tell(const Standing& standing, const std::vector<Sums>& sums);  // those who watch
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
  std::vector<FixedSamples> training_;  // by epoch, in turn
  FixedSamples held_out_;
  bool keep_training_;                  // a run that ends before it has seen every sample would pay for answers to all
  bool changed_ = false;                // some samples were changed at random, and did not look the same again
  Sums told_;                           // what was told to those who watch
};

}  // namespace fastc::engine
