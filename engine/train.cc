#include "engine/train.h"

#include <algorithm>

#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/sha256.h"
#include "engine/engine.h"
#include "engine/training/loop.h"
#include "engine/training/watch.h"
#include "ir/op.h"

namespace fastc {
namespace {

// LibTorch's deterministic algorithms while this lives (gradients of indexing and pooling add in a fixed order).
class Deterministic {
 public:
  Deterministic() : algorithms_(at::globalContext().deterministicAlgorithms()), fill_(at::globalContext().deterministicFillUninitializedMemory()) {
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);  // costs time, and nothing reads such memory
  }
  Deterministic(const Deterministic&) = delete;
  Deterministic& operator=(const Deterministic&) = delete;
  ~Deterministic() {
    at::globalContext().setDeterministicAlgorithms(algorithms_, false);
    at::globalContext().setDeterministicFillUninitializedMemory(fill_);
  }

 private:
  bool algorithms_, fill_;
};

using Modules = std::vector<Module*>;

std::vector<const Module*> teachers_of(const TrainContext& context) {
  std::vector<const Module*> teachers;
  if (context.teacher != nullptr) teachers.push_back(context.teacher);
  teachers.insert(teachers.end(), context.more_teachers.begin(), context.more_teachers.end());
  return teachers;
}

// What the checkpoint of a run must agree on.
std::string run_key(const Modules& modules, const Dataset& data, const Loss& loss, const TrainOptions& o, const TrainContext& context, int64_t total) {
  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.update(as_bytes_of(text)), hash.update(as_bytes_of("\n")); };
  add(fmt::format("{} {} {} {} {} {} {} {}", context.seed, context.threads, data.size(), total, o.batch_size, o.clip, o.batch_norm, o.augment));
  add(fmt::format("{} {} {} {} {}", o.accumulate, o.ema, o.held_out, o.patience, o.repeat_augmentation));
  add(optimizer_options().to_json(o.optimizer).dump());
  add(schedule_options().to_json(o.schedule).dump());
  add(loss.name());
  add(context.hook != nullptr ? context.hook->name() : "");
  std::vector<const Module*> all = teachers_of(context);
  all.insert(all.begin(), modules.begin(), modules.end());
  for (const Module* m : all) {
    for (const NodeId id : m->order()) add(m->node(id).name), add(m->node(id).op->name), add(type_text(m->value(m->node(id).output()).type));
    for (const auto& [name, weight] : m->weights) {
      add(name);
      const Tensor dense = weight.data.to_contiguous();
      hash.update({static_cast<const std::byte*>(dense.raw()), dense.bytes()});
      for (const double scale : weight.encoding.scales.defined() ? to_doubles(weight.encoding.scales) : std::vector<double>{}) add(fmt::format("{}", scale));
    }
  }
  return hash.hex();
}

Status check_data(const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context, bool has_peer) {
  if (const std::string problem = train_options_problem(options); !problem.empty()) return usage_error("{}", problem);
  if (data.size() == 0) return stage_error("{} needs samples, and the training data has none", context.what);
  if (options.held_out > 0 && data.size() < 2) return stage_error("{} holds out a share of the training data, which has one sample", context.what);
  if (loss.needs_labels() && !data.has_labels()) return stage_error("{} needs labels, and the training data has none", context.what);
  if (loss.needs_teacher() && context.teacher == nullptr && !has_peer) return internal_error("{}: the loss compares with a teacher, and none was given", context.what);
  return {};
}

Result<std::vector<engine::Teacher>> prepare_teachers(const Loss& loss, const TrainOptions& options, const TrainContext& context, const engine::Sampling& sampling, int64_t total) {
  std::vector<engine::Teacher> teachers;
  if (!loss.needs_teacher()) return teachers;
  const std::vector<const Module*> modules = teachers_of(context);
  engine::TeacherSettings settings{.cache_folder = options.teacher_cache.disk ? context.cache_folder : "", .batch_size = options.batch_size, .threads = context.threads,
                                   .progress = context.progress != nullptr ? context.progress : &silent_progress()};
  settings.folder_bytes = options.teacher_cache.max_bytes;
  settings.max_bytes = options.teacher_cache.max_bytes / std::max<int64_t>(1, static_cast<int64_t>(modules.size()));
  settings.rows = static_cast<int64_t>(sampling.members.size()) * engine::Loop::variants(options, sampling, total) + static_cast<int64_t>(sampling.held_out.size());
  for (const Module* module : modules) {
    std::vector<NodeId> watched;
    if (teachers.empty()) {
      FASTC_TRY(watched, engine::watched_nodes(*module, loss.levels(), &Level::teacher));
    }
    FASTC_TRY(engine::Teacher teacher, engine::Teacher::prepare(*module, std::move(watched), settings));
    teachers.push_back(std::move(teacher));
  }
  return teachers;
}

// Everything that a run changes: of a second network under "peer/".
std::map<std::string, at::Tensor> state_of(const std::vector<engine::Learner>& learners) {
  std::map<std::string, at::Tensor> all;
  for (size_t i = 0; i < learners.size(); ++i)
    for (auto& [name, tensor] : learners[i].state()) all.emplace((i == 0 ? "" : "peer/") + name, tensor);
  return all;
}

// The epoch with the lowest loss on the held-out data, from 1; the first of equals. Of two networks the sum counts.
int64_t best_epoch(const std::vector<std::vector<EpochRow>>& curves) {
  int64_t best = 0;
  double least = 0;
  for (size_t e = 0; !curves.empty() && e < curves[0].size(); ++e) {
    double loss = 0;
    for (const auto& curve : curves) loss += curve[e].held_out_loss.value_or(0);
    if (best == 0 || loss < least) best = static_cast<int64_t>(e) + 1, least = loss;
  }
  return best;
}

Result<std::vector<TrainReport>> train_checked(const Modules& modules, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context) {
  std::vector<TrainReport> reports(modules.size());
  const auto sampling = engine::Sampling::make(data.size(), options.batch_size, options.held_out, context.seed);
  const int64_t total = options.steps.value_or(sampling.batches * options.epochs);
  if (total == 0) return reports;
  std::vector<engine::Learner> learners;
  for (const Module* module : modules) {
    FASTC_TRY(engine::Learner learner, engine::Learner::prepare(*module, loss, options, learners.empty() ? context.hook : nullptr));
    learners.push_back(std::move(learner));
  }
  FASTC_TRY(std::vector<engine::Teacher> teachers, prepare_teachers(loss, options, context, sampling, total));
  const std::string key = context.checkpoint_folder.empty() ? "" : run_key(modules, data, loss, options, context, total);
  const engine::Checkpoint checkpoint(context.checkpoint_folder, key, state_of(learners));
  FASTC_TRY(engine::Standing standing, checkpoint.restore());
  const int64_t resumed = standing.epochs;
  ProgressStage progress(context.progress != nullptr ? *context.progress : silent_progress(), context.what, total);
  progress.step(standing.steps);
  engine::Loop loop(learners, teachers, data, loss, options, context, sampling, total);
  const auto tell_epoch = [&](size_t epoch) {
    for (size_t i = 0; context.watch.on_epoch && i < standing.curves.size(); ++i) context.watch.on_epoch(i, standing.curves[i][epoch]);
  };
  for (size_t epoch = 0; epoch < static_cast<size_t>(resumed); ++epoch) tell_epoch(epoch);
  const auto stopped = [&] { return options.patience > 0 && standing.epochs - best_epoch(standing.curves) >= options.patience; };
  while (standing.steps < total && !stopped()) {
    FASTC_CHECK(loop.epoch(standing, progress));
    tell_epoch(static_cast<size_t>(standing.epochs) - 1);
    if (options.patience > 0 && best_epoch(standing.curves) == standing.epochs)
      for (engine::Learner& learner : learners) learner.remember_as_best();
    FASTC_CHECK(checkpoint.save(standing));
  }
  std::vector<Module> trained;  // all of them first, so that an error changes none
  for (size_t i = 0; i < modules.size(); ++i) {
    learners[i].return_to_best();
    FASTC_CHECK(learners[i].finish(trained.emplace_back(*modules[i])));
  }
  for (size_t i = 0; i < modules.size(); ++i) {
    reports[i] = {standing.curves[i], standing.steps, resumed, options.patience > 0 ? best_epoch(standing.curves) : 0, loop.teacher_use(), learners[i].left_alone()};
    *modules[i] = std::move(trained[i]);
  }
  return reports;
}

Result<std::vector<TrainReport>> train_modules(const Modules& modules, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context) {
  FASTC_CHECK(check_data(data, loss, options, context, modules.size() > 1));
  set_engine_threads(context.threads);
  const Deterministic deterministic;
  const c10::AutoGradMode gradients(true);
  try {
    return train_checked(modules, data, loss, options, context);
  } catch (const std::exception& e) {
    const std::string text = e.what();
    return stage_error("{} failed: {}", context.what, text.substr(0, text.find('\n')));
  }
}

}  // namespace

Result<TrainReport> train(Module& module, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context) {
  FASTC_TRY(std::vector<TrainReport> reports, train_modules({&module}, data, loss, options, context));
  return std::move(reports[0]);
}

Result<std::vector<TrainReport>> train_together(Module& first, Module& second, const Dataset& data, const Loss& loss, const TrainOptions& options,
                                                const TrainContext& context) {
  return train_modules({&first, &second}, data, loss, options, context);
}

}  // namespace fastc
