// Training of a module's weights: finetuning and distillation. No LibTorch in this header.
//
// The same seed, thread count and CPU give the same weights: order and augmentation come from base/random.h, LibTorch's algorithms are
// the deterministic ones. Weights that carry a sparsity pattern keep their zeros after every step. Batch norm uses the
// batch's statistics and updates the running ones, unless frozen. With a checkpoint folder a killed run resumes at an epoch, and
// ends with the same weights as one that was not killed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/api.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/result.h"
#include "ir/module.h"
#include "tasks/task.h"

namespace fastc {

struct OptimizerOptions {
  std::string type = "adam";  // "adam" (Kingma, Ba 2015; decay as L2), "adamw" (Loshchilov, Hutter 2019), "sgd", "adafactor" (Shazeer, Stern 2018)
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

// What teachers answered is kept, so that each sample costs them one evaluation (engine/training/teacher.h).
struct TeacherCacheOptions {
  int64_t max_bytes = int64_t{1} << 30;  // of all that is kept in memory, and again of the folder
  bool disk = true;                      // later runs with the same teachers and the same samples find the answers there
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
  int64_t repeat_augmentation = 0;   // epochs after which the same changes come again; 0: never
  TeacherCacheOptions teacher_cache;
  int64_t accumulate = 1;            // batches whose gradients are averaged before the weights change
  double ema = 0;                    // share of the running mean of the weights that a change of them keeps; what ships is the mean. 0: the weights themselves
  double held_out = 0;               // share of the training data that is only judged on, after each epoch
  int64_t patience = 0;              // epochs without a better loss on it before training stops, and goes back to the best; 0: never
};

// "" or a sentence on options that do not go together, for a pass's check(); train() asks it too.
FASTC_API std::string train_options_problem(const TrainOptions& options);

FASTC_API const OptionSet<OptimizerOptions>& optimizer_options();
FASTC_API const OptionSet<ScheduleOptions>& schedule_options();
FASTC_API const OptionSet<TeacherCacheOptions>& teacher_cache_options();
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
      .flag("augment", &T::augment, "apply the random changes that the training data declares")
      .integer("repeat_augmentation", &T::repeat_augmentation, "epochs after which the same random changes come again, so that a teacher's answers to them can be kept; 0: never", range(0, 100000))
      .object("teacher_cache", &T::teacher_cache, teacher_cache_options(), "how a teacher's answers are kept: each sample costs it one evaluation")
      .integer("accumulate", &T::accumulate, "batches whose gradients are averaged before the weights change", range(1, 65536))
      .number("ema", &T::ema, "decay of a running mean of the weights, which is what remains in the end (0.999); 0: none", at_least(0).below(1))
      .number("held_out", &T::held_out, "share of the training data that is only judged on, after each epoch", range(0, 0.9))
      .integer("patience", &T::patience, "epochs without a better loss on the held-out data before training stops and goes back to the best; 0: never", at_least(0));
}

// What a pass does to weights while they are trained (engine/training/hook.h).
class TrainHook;

// What is minimized, for a batch. Implemented over LibTorch in engine/training/losses.h.
class Loss;
// Against the labels: mean cross entropy of output 0 ([N,…,classes]); binary cross entropy of each of its numbers; mean squared error.
FASTC_API std::shared_ptr<const Loss> cross_entropy();
FASTC_API std::shared_ptr<const Loss> binary_cross_entropy();
FASTC_API std::shared_ptr<const Loss> mean_squared_error();
// Against teachers: T² · KL of the softened scores (Hinton, Vinyals, Dean 2015); mean squared difference of the scores; the same over all float
// outputs, each relative to the mean square of the teacher's.
FASTC_API std::shared_ptr<const Loss> soft_kl(double temperature);
FASTC_API std::shared_ptr<const Loss> logits_mse();
FASTC_API std::shared_ptr<const Loss> match_outputs();

// One loss of those that a recipe adds up.
struct LossOptions {
  std::string type = "soft_kl";  // "soft_kl", "logits_mse", "match_outputs", "cross_entropy", "binary_cross_entropy", "mse"
  double weight = 1;
  double temperature = 4;        // soft_kl
};
FASTC_API const OptionSet<LossOptions>& loss_options();
FASTC_API std::shared_ptr<const Loss> weighted_sum(std::span<const LossOptions> list);  // null when every weight is 0
// alpha · soft_kl + (1 − alpha) · cross entropy. alpha 1 needs no labels.
FASTC_API std::shared_ptr<const Loss> distillation(double alpha, double temperature);

// Two nodes whose first results are compared, by name.
struct Level {
  std::string student, teacher;
  int64_t student_channels = 0, teacher_channels = 0;
};
struct LevelLoss {
  std::string type = "mse";  // "mse", "cosine", "attention_map", "similarity": engine/training/losses/hidden.h
  double weight = 1;
  std::vector<Level> levels;
};
// `outputs` may be null: then only the levels are compared. `seed`: of the projections.
FASTC_API std::shared_ptr<const Loss> multi_level(std::shared_ptr<const Loss> outputs, LevelLoss levels, uint64_t seed);
// What a level's loss asks of the two shapes: the same channels (else a projection makes them so), the same positions.
FASTC_API bool compares_channels(std::string_view level_loss);
FASTC_API bool compares_positions(std::string_view level_loss);

struct EpochRow {
  int64_t epoch = 0;                // from 1
  double loss = 0;                  // mean over the epoch's samples, while training
  std::optional<double> accuracy;   // share of right labels (or, without labels, of agreement with the teacher) while training
  std::optional<double> held_out_loss, held_out_accuracy;  // after the epoch, of what would ship, with running statistics
};

// For those who watch while it trains. Neither changes anything.
struct TrainWatch {
  std::function<void(int64_t steps, double loss)> on_steps;                 // now and then: the mean loss of the steps since, of the first network
  std::function<void(size_t network, const EpochRow& row)> on_epoch;        // those taken from a checkpoint too
};

struct TrainContext {
  uint64_t seed = 0;
  int threads = 1;
  Progress* progress = nullptr;
  const Module* teacher = nullptr;      // for losses that compare with one; evaluated, never trained
  std::vector<const Module*> more_teachers;  // whose outputs are averaged with the teacher's
  TrainHook* hook = nullptr;            // null: none
  std::string checkpoint_folder;        // empty: none is written
  std::string cache_folder;             // of teachers' answers; empty: they are kept in memory only
  TrainWatch watch;
  std::string what = "training";        // for progress and messages
};

// How the teachers' answers came about; an answer is one sample's of one teacher.
struct TeacherUse {
  int64_t used = 0, computed = 0;
  int64_t read = 0;      // from the cache of an earlier run
  std::string not_kept;  // why some were computed anew each time; empty: none were
};
struct TrainReport {
  std::vector<EpochRow> curve;
  int64_t steps = 0;
  int64_t resumed_epochs = 0;       // taken from a checkpoint
  int64_t best_epoch = 0;           // with patience: the epoch whose weights were kept, from 1
  TeacherUse teachers;
  std::vector<std::string> left_alone;  // nodes whose weights training does not change, although they are not constants
};

// Errors: kStage for a loss that is not finite or data that does not fit, kInterrupted. On an error the module is unchanged.
FASTC_API Result<TrainReport> train(Module& module, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context);

// Two networks on the same batches, each with the other as a teacher, and both change (Zhang et al., "Deep mutual learning", 2018, with both steps
// taken on the same outputs). One report each. On an error neither is changed. The hook, where there is one, is the first's.
FASTC_API Result<std::vector<TrainReport>> train_together(Module& first, Module& second, const Dataset& data, const Loss& loss, const TrainOptions& options,
                                                          const TrainContext& context);

}  // namespace fastc
