#include "engine/train.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "engine/engine.h"
#include "engine/training/checkpoint.h"
#include "engine/training/hook.h"
#include "engine/training/losses.h"
#include "engine/training/schedule.h"
#include "engine/training/teacher.h"
#include "engine/training/trainee.h"
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

// What the checkpoint of a run must agree on.
std::string run_key(const Module& module, const Dataset& data, const Loss& loss, const TrainOptions& o, const TrainContext& context, int64_t total) {
  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.update(as_bytes_of(text)), hash.update(as_bytes_of("\n")); };
  add(fmt::format("{} {} {} {} {} {} {} {}", context.seed, context.threads, data.size(), total, o.batch_size, o.clip, o.batch_norm, o.augment));
  add(optimizer_options().to_json(o.optimizer).dump());
  add(schedule_options().to_json(o.schedule).dump());
  add(loss.name());
  add(context.hook != nullptr ? context.hook->name() : "");
  for (const Module* m : {&module, context.teacher}) {
    if (m == nullptr) continue;
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

struct BatchOrder {
  int64_t samples, batch_size, batches;

  BatchOrder(int64_t samples, int64_t batch_size) : samples(samples), batch_size(std::min(batch_size, samples)) {
    batches = (samples + this->batch_size - 1) / this->batch_size;
    // Batch statistics of one sample mean nothing; the sample that is left over waits for another epoch's order.
    if (batches > 1 && samples % this->batch_size == 1) --batches;
  }
  std::vector<int64_t> shuffled(uint64_t seed, int64_t epoch) const {
    std::vector<int64_t> order(samples);
    std::iota(order.begin(), order.end(), int64_t{0});
    Random random(seed_for(seed_for(seed, "order"), static_cast<uint64_t>(epoch)));
    random.shuffle(std::span(order));
    return order;
  }
};

struct Sums {
  double loss = 0;
  int64_t samples = 0, right = 0, judged = 0;
};

class Trainer {
 public:
  Trainer(engine::Trainee& trainee, engine::Optimizer& optimizer, engine::Teacher* teacher, const Dataset& data, const Loss& loss,
          const TrainOptions& options, const TrainContext& context, const BatchOrder& order, int64_t total)
      : trainee_(trainee), optimizer_(optimizer), teacher_(teacher), data_(data), loss_(loss), options_(options), context_(context), order_(order), total_(total) {}

  Result<EpochRow> epoch(int64_t epoch, int64_t& step, ProgressStage& progress) {
    const std::vector<int64_t> order = order_.shuffled(context_.seed, epoch);
    const uint64_t augment_seed = seed_for(seed_for(context_.seed, "augment"), static_cast<uint64_t>(epoch));
    Sums sums;
    for (int64_t b = 0; b < order_.batches && step < total_; ++b, ++step) {
      if (interrupted()) return interrupted_error(fmt::format("{}, epoch {}", context_.what, epoch + 1));
      const int64_t begin = b * order_.batch_size, count = std::min(order_.batch_size, order_.samples - begin);
      Random random(seed_for(augment_seed, static_cast<uint64_t>(b)));
      FASTC_CHECK(one_step({order.data() + begin, static_cast<size_t>(count)}, random, step, sums));
      progress.step(1, fmt::format("loss {:.4f}", sums.loss / static_cast<double>(sums.samples)));
    }
    EpochRow row{epoch + 1, sums.loss / static_cast<double>(std::max<int64_t>(1, sums.samples)), std::nullopt};
    if (sums.judged > 0) row.accuracy = static_cast<double>(sums.right) / static_cast<double>(sums.judged);
    return row;
  }

 private:
  Status one_step(std::span<const int64_t> indices, Random& random, int64_t step, Sums& sums) {
    const Random before = random;
    FASTC_TRY(const Batch batch, data_.batch(indices, options_.augment ? &random : nullptr));
    Random untouched = before;
    Random after = random;
    const bool plain = untouched.bits() == after.bits();  // nothing was drawn, so nothing was changed
    std::vector<at::Tensor> inputs;
    for (const Tensor& t : batch.inputs) {
      at::Tensor input = wrap(t);
      inputs.push_back(input.dim() == 4 ? input.contiguous(at::MemoryFormat::ChannelsLast) : input);
    }
    std::vector<at::Tensor> taught;
    if (teacher_ != nullptr) {
      FASTC_TRY(taught, teacher_->outputs(inputs, indices, plain));
    }
    FASTC_TRY(const std::vector<at::Tensor> outputs, trainee_.run(inputs));
    const at::Tensor labels = batch.labels.defined() ? wrap(batch.labels) : at::Tensor();
    FASTC_TRY(at::Tensor loss, loss_(LossInput{outputs, taught, labels}));
    if (context_.hook != nullptr) {
      const at::Tensor penalty = context_.hook->penalty(trainee_.named_leaves(), {step, total_});
      if (penalty.defined()) loss = loss.add(penalty);
    }
    const double value = loss.item<double>();
    if (!std::isfinite(value))
      return stage_error("the loss became {} at step {}; a lower learning rate (now {}) or \"clip\": 1 usually helps", value, step + 1, options_.optimizer.lr);
    loss.backward();
    update(step);
    sums.loss += value * static_cast<double>(batch.size), sums.samples += batch.size;
    judge(outputs[0], labels, taught, sums);
    return {};
  }

  void update(int64_t step) {
    const c10::AutoGradMode no_gradients(false);
    const double factor = engine::schedule_factor(options_.schedule, step, total_, order_.batches);
    if (options_.clip > 0) engine::clip_gradients(trainee_.leaves(), options_.clip);
    if (context_.hook != nullptr) context_.hook->before_update(trainee_.named_leaves(), {step, total_});
    optimizer_.step(options_.optimizer.lr * factor);
    trainee_.restore_zeros();
    if (context_.hook != nullptr) context_.hook->after_update(trainee_.named_leaves(), {step, total_});
    trainee_.clear_gradients();
  }

  static void judge(const at::Tensor& output, const at::Tensor& labels, const std::vector<at::Tensor>& taught, Sums& sums) {
    const c10::AutoGradMode no_gradients(false);
    if (output.dim() < 2) return;
    const at::Tensor answer = output.argmax(-1).flatten();
    at::Tensor truth = labels.defined() ? labels.flatten() : at::Tensor();
    if (!truth.defined() && !taught.empty() && taught[0].sizes() == output.sizes()) truth = taught[0].argmax(-1).flatten();
    if (!truth.defined() || truth.numel() != answer.numel()) return;
    sums.right += answer.eq(truth).sum().item<int64_t>();
    sums.judged += answer.numel();
  }

  engine::Trainee& trainee_;
  engine::Optimizer& optimizer_;
  engine::Teacher* teacher_;
  const Dataset& data_;
  const Loss& loss_;
  const TrainOptions& options_;
  const TrainContext& context_;
  const BatchOrder& order_;
  int64_t total_;
};

Status check_data(const Dataset& data, const Loss& loss, const TrainContext& context) {
  if (data.size() == 0) return stage_error("{} needs samples, and the training data has none", context.what);
  if (loss.needs_labels() && !data.has_labels()) return stage_error("{} needs labels, and the training data has none", context.what);
  if (loss.needs_teacher() && context.teacher == nullptr) return internal_error("{}: the loss compares with a teacher, and none was given", context.what);
  return {};
}

Result<TrainReport> train_checked(Module& module, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context) {
  const BatchOrder order(data.size(), options.batch_size);
  const int64_t total = options.steps.value_or(order.batches * options.epochs);
  TrainReport report;
  if (total == 0) return report;
  FASTC_TRY(engine::Trainee trainee, engine::Trainee::prepare(module, options.batch_norm == "frozen" ? engine::Mode::kTrainFrozen : engine::Mode::kTrain));
  std::optional<engine::Teacher> teacher;
  if (loss.needs_teacher()) {
    FASTC_TRY(teacher, engine::Teacher::prepare(*context.teacher, data.size()));
  }
  const auto optimizer = engine::make_optimizer(options.optimizer, trainee.leaves());
  const std::string key = context.checkpoint_folder.empty() ? "" : run_key(module, data, loss, options, context, total);
  std::map<std::string, at::Tensor> changing = trainee.changing();
  if (context.hook != nullptr) {
    context.hook->begin(trainee.named_leaves());
    for (const auto& [name, tensor] : context.hook->state()) changing.emplace("hook/" + name, tensor);
  }
  const engine::Checkpoint checkpoint(context.checkpoint_folder, key, std::move(changing), *optimizer);
  FASTC_TRY(engine::Standing standing, checkpoint.restore());
  report.resumed_epochs = standing.epochs;
  ProgressStage progress(context.progress != nullptr ? *context.progress : silent_progress(), context.what, total);
  progress.step(standing.steps);
  Trainer trainer(trainee, *optimizer, teacher ? &*teacher : nullptr, data, loss, options, context, order, total);
  while (standing.steps < total) {
    FASTC_TRY(const EpochRow row, trainer.epoch(standing.epochs, standing.steps, progress));
    ++standing.epochs;
    standing.curve.push_back(row);
    FASTC_CHECK(checkpoint.save(standing));
  }
  FASTC_CHECK(trainee.write_back(module));
  report.curve = standing.curve;
  report.steps = standing.steps;
  return report;
}

}  // namespace

Result<TrainReport> train(Module& module, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context) {
  FASTC_CHECK(check_data(data, loss, context));
  set_engine_threads(context.threads);
  const Deterministic deterministic;
  const c10::AutoGradMode gradients(true);
  try {
    return train_checked(module, data, loss, options, context);
  } catch (const std::exception& e) {
    const std::string text = e.what();
    return stage_error("{} failed: {}", context.what, text.substr(0, text.find('\n')));
  }
}

}  // namespace fastc
