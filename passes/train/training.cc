#include "passes/train/training.h"

#include <fmt/format.h>

namespace fastc {
namespace {

std::shared_ptr<const Loss> loss_named(std::string_view name, const Task* task) {
  const bool regression = task != nullptr && task->type() == "regression";
  if (name == "mse" || (name == "auto" && regression)) return mean_squared_error();
  return name == "binary_cross_entropy" ? binary_cross_entropy() : cross_entropy();
}

std::string left_alone_note(const std::vector<std::string>& nodes) {
  return fmt::format("not trained: {}. Weights are trained where they are computed with as f32, or kept as integers with a scale for each output channel or group in it", fmt::join(nodes, ", "));
}

std::string teacher_note(const TeacherUse& use) {
  std::string note = fmt::format("{} answers of the teacher were used: {} computed, {} of an earlier run", use.used, use.computed, use.read);
  if (!use.not_kept.empty()) note += "; they could not be kept from one epoch to the next: " + use.not_kept;
  return note;
}

}  // namespace

Result<const Dataset*> data_to_train_on(PassContext& context, std::string_view pass) {
  if (const Dataset* data = context.training_data()) return data;
  const bool unlabelled_task = context.task() == nullptr || context.task()->type() == "fidelity";
  const Dataset* calibration = unlabelled_task ? context.calibration() : nullptr;
  if (calibration == nullptr) return usage_error("/task/train: {} needs training data, and the recipe names none", pass);
  return calibration;
}

TrainContext train_context(PassContext& context, std::string what, const std::string& part) {
  TrainContext t;
  t.seed = context.seed();
  t.threads = context.threads();
  t.progress = &context.progress();
  t.checkpoint_folder = context.journal_folder();
  t.cache_folder = context.cache_folder();
  t.watch.on_steps = [&context, part](int64_t steps, double loss) { context.plot({part + "step_loss", static_cast<double>(steps), loss}); };
  t.watch.on_epoch = [&context, part](size_t network, const EpochRow& row) {
    for (const CurvePoint& point : points_of(row, network == 0 ? part : "peer_")) context.plot(point);
  };
  t.what = std::move(what);
  return t;
}

Result<TaskTraining> train_for_task(Module& module, const Dataset& data, const TrainOptions& options, PassContext& context, TrainContext training,
                                    std::string_view loss) {
  const bool fidelity = context.task() != nullptr && context.task()->type() == "fidelity";
  if (data.has_labels() && !fidelity) {
    FASTC_TRY(TrainReport trained, train(module, data, *loss_named(loss, context.task()), options, training));
    return TaskTraining{std::move(trained), true};
  }
  FASTC_TRY(const Module original, context.model("original"));
  training.teacher = &original;
  FASTC_TRY(TrainReport trained, train(module, data, *match_outputs(), options, training));
  return TaskTraining{std::move(trained), false};
}

std::vector<CurvePoint> points_of(const EpochRow& row, const std::string& part) {
  const auto epoch = static_cast<double>(row.epoch);
  std::vector<CurvePoint> points{{part + "loss", epoch, row.loss}};
  if (row.accuracy) points.push_back({part + "accuracy", epoch, *row.accuracy});
  if (row.held_out_loss) points.push_back({part + "held_out_loss", epoch, *row.held_out_loss});
  if (row.held_out_accuracy) points.push_back({part + "held_out_accuracy", epoch, *row.held_out_accuracy});
  return points;
}

PassReport report_of(const TrainReport& trained, std::vector<std::string> notes, const std::string& part) {
  PassReport report;
  report.changed = trained.steps > 0;
  report.notes = std::move(notes);
  if (!trained.left_alone.empty()) report.notes.push_back(left_alone_note(trained.left_alone));
  if (trained.best_epoch > 0) report.notes.push_back(fmt::format("the weights of epoch {} were kept: it was best on the held-out data", trained.best_epoch));
  if (trained.resumed_epochs > 0) report.notes.push_back(fmt::format("{} epochs were taken from the journal", trained.resumed_epochs));
  if (trained.teachers.used > 0) report.notes.push_back(teacher_note(trained.teachers));
  report.numbers.emplace_back("steps", static_cast<double>(trained.steps));
  if (trained.teachers.used > 0) {
    report.numbers.emplace_back("teacher_answers_computed", static_cast<double>(trained.teachers.computed));
    report.numbers.emplace_back("teacher_answers_read", static_cast<double>(trained.teachers.read));
  }
  for (const EpochRow& row : trained.curve)
    for (CurvePoint& point : points_of(row, part)) report.curves.push_back(std::move(point));
  if (trained.curve.empty()) return report;
  report.numbers.emplace_back("final_loss", trained.curve.back().loss);
  if (trained.curve.back().accuracy) report.numbers.emplace_back("final_training_accuracy", *trained.curve.back().accuracy);
  return report;
}

}  // namespace fastc
