// The run reads as prose: preflight, import, the original measured, stages, the result emitted and checked, the report.
#include "driver/compress.h"

#include "base/files.h"
#include "base/version.h"
#include "driver/pipeline/import.h"
#include "driver/pipeline/named_models.h"
#include "driver/pipeline/order.h"
#include "driver/pipeline/run.h"
#include "driver/report/gates.h"
#include "driver/report/write.h"

namespace fastc {

Result<Preflight> preflight(const Recipe& recipe) {
  Preflight found;
  const std::filesystem::path model = recipe.resolve(recipe.model.path);
  const auto bytes = file_bytes(model);
  if (!bytes) return at("/model/path", bytes.error());
  FASTC_TRY(const auto inputs, known_inputs(recipe, model));
  FASTC_TRY(const std::unique_ptr<Task> task, task_for_recipe(recipe, inputs));
  FASTC_CHECK(check_order(recipe, task->train() != nullptr));
  FASTC_CHECK(check_named_models(recipe, inputs));
  found.lines.push_back(fmt::format("model {} ({:.2f} MB), {} input{}", model.string(), static_cast<double>(*bytes) / 1e6, inputs.size(), inputs.size() == 1 ? "" : "s"));
  const auto count = [](const Dataset* data) { return data ? std::to_string(data->size()) + " samples" : std::string("none"); };
  found.lines.push_back(fmt::format("task {}: calibration {}, training {}, evaluation {}", task->type(), count(task->calibration()), count(task->train()), count(task->evaluation())));
  for (const Stage& stage : recipe.pipeline) found.lines.push_back(fmt::format("stage {}{}", stage.pass, stage.name.empty() ? "" : " (" + stage.name + ")"));
  found.lines.push_back("output " + recipe.output.string());
  return found;
}

Result<Report> compress(const Recipe& recipe, const CompressOptions& options, Progress& progress) {
  FASTC_CHECK(preflight(recipe));
  FASTC_TRY(CompressRun run, CompressRun::start(recipe, options, progress));
  FASTC_CHECK(run.measure_original());
  for (size_t i = 0; i < recipe.pipeline.size(); ++i) FASTC_CHECK(run.stage(i));
  FASTC_CHECK(run.emit_result());
  FASTC_CHECK(run.compare());
  FASTC_CHECK(run.emit_stub());
  FASTC_CHECK(run.measure_result());
  FASTC_CHECK(run.ship_others());
  Report report = run.take_report();
  report.gates = judge_gates(recipe.gates, report);
  for (const GateRow& gate : report.gates)
    if (!gate.held && report.status == "ok") report.status = "gate_failed";
  FASTC_CHECK(write_report(report, recipe.output));
  return report;
}

}  // namespace fastc
