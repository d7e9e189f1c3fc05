// Training of a module's weights: finetuning and distillation. No LibTorch in this header.
//
// The same seed, thread count and CPU give the same weights: order and augmentation come from base/random.h, LibTorch's algorithms are
// the deterministic ones. Weights that carry a sparsity pattern keep their zeros after every step. Batch norm uses the
// batch's statistics and updates the running ones, unless frozen. With a checkpoint folder a killed run resumes at an epoch, and
// ends with the same weights as one that was not killed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/result.h"
#include "ir/module.h"
#include "tasks/task.h"

namespace fastc {

struct OptimizerOptions {
  std::string type = "adam";  // "adam" (Kingma, Ba 2015; decay as L2), "adamw" (Loshchilov, Hutter 2019), "sgd"
  double lr = 1e-3;
  double weight_decay = 0;
  double momentum = 0.9;      // sgd
  bool nesterov = false;      // sgd
  std::vector<double> betas{0.9, 0.999};  // adam, adamw
  double eps = 1e-8;          // adam, adamw
};

// The factor on the learning rate, step by step: warm-up from 0, then the shape over the steps that are left.
struct ScheduleOptions {
  std::string type = "cosine";  // "constant", "cosine" (Loshchilov, Hutter 2017, one cycle), "step"
  double warmup_epochs = 0;
  int64_t every = 1;            // step: epochs between two drops
  double gamma = 0.1;           // step: what a drop multiplies by
  double floor = 0;             // cosine: where it ends, as a share of lr
};

struct TrainOptions {
  int64_t epochs = 4;
  std::optional<int64_t> steps;  // given: training ends after so many steps, whatever the epochs say
  int64_t batch_size = 64;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  double clip = 0;                   // gradients are scaled so that their norm is at most this; 0: never
  std::string batch_norm = "train";  // "train", "frozen"
  bool augment = true;               // the random changes that the data set declares
};

FASTC_API const OptionSet<OptimizerOptions>& optimizer_options();
FASTC_API const OptionSet<ScheduleOptions>& schedule_options();
// Adds the options of training to those of a pass whose struct derives from TrainOptions.
template <typename T>
void add_train_options(OptionSet<T>& set) {
  set.integer("epochs", &T::epochs, "how often each training sample is seen", range(0, 100000))
      .integer("steps", &T::steps, "ends training after so many steps, whatever `epochs` says", at_least(1))
      .integer("batch_size", &T::batch_size, "samples a step", range(1, 65536))
      .object("optimizer", &T::optimizer, optimizer_options(), "how a gradient becomes a change of the weights")
      .object("schedule", &T::schedule, schedule_options(), "how the learning rate changes")
      .number("clip", &T::clip, "largest norm of the gradient, all weights together; 0: not limited", at_least(0))
      .choice("batch_norm", &T::batch_norm, {"train", "frozen"}, "batch statistics, updating the running ones; or the running ones as they are")
      .flag("augment", &T::augment, "apply the random changes that the training data declares");
}

// What a pass does to weights while they are trained (engine/training/hook.h).
class TrainHook;

// What is minimized, for a batch. Implemented over LibTorch in engine/training/losses.h.
class Loss;
// Mean cross entropy of output 0 ([N,…,classes]) with the labels.
FASTC_API std::shared_ptr<const Loss> cross_entropy();
// alpha · T² · KL(teacher at T ‖ student at T) + (1 − alpha) · cross entropy with the labels (Hinton, Vinyals, Dean 2015). alpha 1 needs no labels.
FASTC_API std::shared_ptr<const Loss> distillation(double alpha, double temperature);
// Mean squared difference from the teacher's outputs, over all float outputs, each relative to the mean square of the teacher's.
FASTC_API std::shared_ptr<const Loss> match_outputs();

struct TrainContext {
  uint64_t seed = 0;
  int threads = 1;
  Progress* progress = nullptr;
  const Module* teacher = nullptr;      // for losses that compare with one; evaluated, never trained
  TrainHook* hook = nullptr;            // null: none
  std::string checkpoint_folder;        // empty: none is written
  std::string what = "training";        // for progress and messages
};

struct EpochRow {
  int64_t epoch = 0;                // from 1
  double loss = 0;                  // mean over the epoch's samples, while training
  std::optional<double> accuracy;   // share of right labels (or, without labels, of agreement with the teacher) while training
};
struct TrainReport {
  std::vector<EpochRow> curve;
  int64_t steps = 0;
  int64_t resumed_epochs = 0;       // taken from a checkpoint
};

// Errors: kStage for a loss that is not finite or data that does not fit, kInterrupted. On an error the module is unchanged.
FASTC_API Result<TrainReport> train(Module& module, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context);

}  // namespace fastc
