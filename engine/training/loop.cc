#include "engine/training/loop.h"

#include <algorithm>
#include <cmath>

#include <c10/core/GradMode.h>

#include "base/interrupt.h"
#include "engine/training/schedule.h"
#include "engine/training/watch.h"

namespace fastc::engine {
namespace {
constexpr int64_t kToldEvery = 20;  // steps
}

Loop::Loop(std::vector<Learner>& learners, std::vector<Teacher>& teachers, const Dataset& data, const Loss& loss, const TrainOptions& options, const TrainContext& context,
           const Sampling& sampling, int64_t total)
    : learners_(learners), teachers_(teachers), data_(data), loss_(loss), options_(options), context_(context), sampling_(sampling), total_(total),
      held_out_(data, sampling.held_out), keep_training_(total >= sampling.batches) {
  const bool repeats = options.augment && options.repeat_augmentation > 0;
  for (int64_t i = 0; i < variants(options, sampling, total); ++i) {
    const uint64_t draw = seed_for(seed_for(context.seed, "repeated augment"), static_cast<uint64_t>(i));
    training_.emplace_back(data, sampling.members, repeats ? std::optional(draw) : std::nullopt);
  }
}

int64_t Loop::variants(const TrainOptions& options, const Sampling& sampling, int64_t total) {
  if (!options.augment || options.repeat_augmentation == 0) return 1;
  return std::min(options.repeat_augmentation, (total + sampling.batches - 1) / sampling.batches);
}

TeacherUse Loop::teacher_use() const {
  TeacherUse all;
  for (const Teacher& teacher : teachers_) {
    all.used += teacher.use().used, all.computed += teacher.use().computed, all.read += teacher.use().read;
    if (all.not_kept.empty()) all.not_kept = teacher.use().not_kept;
  }
  if (all.used > 0 && !keep_training_) all.not_kept = "training ends before it has seen every sample";
  else if (all.used > 0 && changed_) all.not_kept = "the samples are changed at random, differently in every epoch (\"repeat_augmentation\": K would bring the changes back)";
  return all;
}

EpochRow Loop::Sums::row(int64_t epoch) const {
  EpochRow row{.epoch = epoch, .loss = loss / static_cast<double>(std::max<int64_t>(1, samples))};
  if (judged > 0) row.accuracy = static_cast<double>(right) / static_cast<double>(judged);
  return row;
}

Status Loop::epoch(Standing& standing, ProgressStage& progress) {
  const int64_t epoch = standing.epochs;
  const std::vector<int64_t> order = sampling_.shuffled(context_.seed, epoch);
  const uint64_t augment_seed = seed_for(seed_for(context_.seed, "augment"), static_cast<uint64_t>(epoch));
  std::vector<Sums> sums(learners_.size());
  for (int64_t b = 0; b < sampling_.batches && standing.steps < total_; ++b) {
    if (interrupted()) return interrupted_error(fmt::format("{}, epoch {}", context_.what, epoch + 1));
    const int64_t begin = b * sampling_.batch_size, count = std::min<int64_t>(sampling_.batch_size, static_cast<int64_t>(order.size()) - begin);
    // Batches whose gradients go into one update; the last group of an epoch, or of the run, may be smaller.
    const int64_t first = b - b % options_.accumulate;
    const int64_t group = std::min({options_.accumulate, sampling_.batches - first, total_ - (standing.steps - b % options_.accumulate)});
    Random random(seed_for(augment_seed, static_cast<uint64_t>(b)));
    FASTC_TRY(const Lesson lesson, training_lesson({order.data() + begin, static_cast<size_t>(count)}, epoch, random));
    FASTC_CHECK(learn(lesson, standing, group, sums));
    const TrainHook::Position position{standing.steps, total_};
    if (b + 1 == first + group) {
      ++standing.updates;
      const double lr = options_.optimizer.lr * schedule_factor(options_.schedule, standing.steps, total_, sampling_.batches);
      for (Learner& learner : learners_) learner.update(lr, position, standing.updates - 1);
    }
    ++standing.steps;
    tell(standing, sums);
    progress.step(1, fmt::format("loss {:.4f}", sums[0].loss / static_cast<double>(sums[0].samples)));
  }
  std::vector<EpochRow> rows;
  for (const Sums& s : sums) rows.push_back(s.row(epoch + 1));
  FASTC_CHECK(judge_held_out(rows));
  standing.curves.resize(learners_.size());
  for (size_t i = 0; i < rows.size(); ++i) standing.curves[i].push_back(rows[i]);
  ++standing.epochs;
  told_ = {};
  return {};
}

void Loop::tell(const Standing& standing, const std::vector<Sums>& sums) {
  if (!context_.watch.on_steps || standing.steps % kToldEvery != 0) return;
  const int64_t samples = sums[0].samples - told_.samples;
  if (samples > 0) context_.watch.on_steps(standing.steps, (sums[0].loss - told_.loss) / static_cast<double>(samples));
  told_ = sums[0];
}

// Without repetition a batch is changed by what its place in the run draws; with it a sample, by what its index and the epoch's turn draw.
Result<Loop::Lesson> Loop::training_lesson(std::span<const int64_t> indices, int64_t epoch, Random& random) {
  const FixedSamples& fixed = training_[static_cast<size_t>(epoch) % training_.size()];
  if (options_.augment && options_.repeat_augmentation > 0) {
    FASTC_TRY(Seen batch, fixed.batch(indices));
    return lesson(indices, std::move(batch), keep_training_ ? &fixed : nullptr);
  }
  Random before = random;
  FASTC_TRY(const Batch batch, data_.batch(indices, options_.augment ? &random : nullptr));
  const bool plain = before.bits() == Random(random).bits();  // nothing was drawn, so nothing was changed
  changed_ = changed_ || !plain;
  return lesson(indices, seen(batch), plain && keep_training_ ? &fixed : nullptr);
}

Result<Loop::Lesson> Loop::lesson(std::span<const int64_t> indices, Seen batch, const FixedSamples* fixed) {
  Lesson lesson{.inputs = std::move(batch.inputs), .labels = std::move(batch.labels), .taught = {}, .taught_hidden = {}, .size = static_cast<int64_t>(indices.size())};
  for (Teacher& teacher : teachers_) {
    FASTC_TRY(std::vector<at::Tensor> values, teacher.answers(fixed, indices, lesson.inputs));
    const size_t hidden = lesson.taught.empty() ? loss_.levels().size() : 0;
    if (lesson.taught.empty()) lesson.taught_hidden.assign(values.end() - static_cast<ptrdiff_t>(hidden), values.end());
    values.resize(values.size() - hidden);
    lesson.taught.push_back(std::move(values));
  }
  return lesson;
}

Result<at::Tensor> Loop::loss_of(size_t which, const Lesson& lesson, const std::vector<std::vector<at::Tensor>>& outputs, std::span<const at::Tensor> hidden) const {
  std::vector<std::vector<at::Tensor>> teachers = lesson.taught;
  for (size_t other = 0; other < outputs.size(); ++other) {
    if (other == which) continue;
    auto& peer = teachers.emplace_back();
    for (const at::Tensor& t : outputs[other]) peer.push_back(t.detach());
  }
  LossInput input{.outputs = outputs[which], .teacher = {}, .labels = lesson.labels};
  if (!teachers.empty()) input.teacher = teachers[0], input.more_teachers = std::span(teachers).subspan(1);
  input.hidden = hidden, input.taught_hidden = lesson.taught_hidden;
  return loss_(input);
}

Status Loop::learn(const Lesson& lesson, Standing& standing, int64_t group, std::vector<Sums>& sums) {
  std::vector<std::vector<at::Tensor>> outputs;
  for (Learner& learner : learners_) {
    FASTC_TRY(outputs.emplace_back(), learner.forward(lesson.inputs));
  }
  for (size_t i = 0; i < learners_.size(); ++i) {
    FASTC_TRY(at::Tensor loss, loss_of(i, lesson, outputs, learners_[i].hidden()));
    if (const at::Tensor penalty = learners_[i].penalty({standing.steps, total_}); penalty.defined()) loss = loss.add(penalty);
    const double value = loss.item<double>();
    if (!std::isfinite(value))
      return stage_error("the loss became {} at step {}; a lower learning rate (now {}) or \"clip\": 1 usually helps", value, standing.steps + 1, options_.optimizer.lr);
    (group == 1 ? loss : loss.div(static_cast<double>(group))).backward();
    sums[i].loss += value * static_cast<double>(lesson.size), sums[i].samples += lesson.size;
    count(outputs[i][0], lesson, sums[i]);
  }
  return {};
}

void Loop::count(const at::Tensor& output, const Lesson& lesson, Sums& sums) {
  const c10::AutoGradMode no_gradients(false);
  if (output.dim() < 2) return;
  const at::Tensor answer = output.argmax(-1).flatten();
  at::Tensor truth = lesson.labels.defined() && lesson.labels.scalar_type() == at::kLong ? lesson.labels.flatten() : at::Tensor();
  if (!lesson.labels.defined() && !lesson.taught.empty() && lesson.taught[0][0].sizes() == output.sizes()) truth = lesson.taught[0][0].argmax(-1).flatten();
  if (!truth.defined() || truth.numel() != answer.numel()) return;
  sums.right += answer.eq(truth).sum().item<int64_t>();
  sums.judged += answer.numel();
}

Status Loop::judge_held_out(std::vector<EpochRow>& rows) {
  if (sampling_.held_out.empty()) return {};
  const c10::AutoGradMode no_gradients(false);
  std::vector<Module> modules;
  std::vector<Plan> plans;
  std::vector<std::vector<NodeId>> watched;
  modules.reserve(learners_.size());  // plans point at them
  for (Learner& learner : learners_) {
    FASTC_TRY(Module now, learner.snapshot());
    modules.push_back(std::move(now));
    FASTC_TRY(Plan plan, Plan::prepare(modules.back(), Mode::kInfer));
    plans.push_back(std::move(plan));
    FASTC_TRY(watched.emplace_back(), watched_nodes(modules.back(), loss_.levels(), &Level::student));
  }
  std::vector<Sums> sums(learners_.size());
  for (size_t begin = 0; begin < sampling_.held_out.size(); begin += static_cast<size_t>(sampling_.batch_size)) {
    const size_t size = std::min<size_t>(static_cast<size_t>(sampling_.batch_size), sampling_.held_out.size() - begin);
    const std::span<const int64_t> indices(sampling_.held_out.data() + begin, size);
    FASTC_TRY(Seen batch, held_out_.batch(indices));
    FASTC_TRY(const Lesson lesson, this->lesson(indices, std::move(batch), &held_out_));
    std::vector<std::vector<at::Tensor>> outputs, hidden(plans.size());
    for (size_t i = 0; i < plans.size(); ++i) {
      const Plan::Visitor visit = keep_results(watched[i], hidden[i]);
      FASTC_TRY(outputs.emplace_back(), plans[i].run(lesson.inputs, watched[i].empty() ? nullptr : &visit));
    }
    for (size_t i = 0; i < plans.size(); ++i) {
      FASTC_TRY(const at::Tensor loss, loss_of(i, lesson, outputs, hidden[i]));
      sums[i].loss += loss.item<double>() * static_cast<double>(lesson.size), sums[i].samples += lesson.size;
      count(outputs[i][0], lesson, sums[i]);
    }
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const EpochRow judged = sums[i].row(0);
    rows[i].held_out_loss = judged.loss, rows[i].held_out_accuracy = judged.accuracy;
  }
  return {};
}

}  // namespace fastc::engine
