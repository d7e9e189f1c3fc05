#include "driver/pipeline/run.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include <nlohmann/json.hpp>

#include "backends/runtime/fastc_rt.h"
#include "backends/stub/stub.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "base/version.h"
#include "driver/measure/latency.h"
#include "driver/pipeline/import.h"
#include "driver/pipeline/within_drop.h"
#include "driver/report/gates.h"
#include "driver/report/tensorboard.h"
#include "engine/engine.h"

namespace fastc {
namespace {

constexpr int64_t kStageRounds = 5;  // stages are compared briefly; the result gets the recipe's rounds

double seconds_since(std::chrono::steady_clock::time_point start) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

std::string label(const Stage& stage, size_t index) { return stage.name.empty() ? fmt::format("{}:{}", index, stage.pass) : stage.name; }

// Everything outside the pipeline that decides what comes out.
Result<std::string> base_key(const Recipe& recipe, const Task& task) {
  std::vector<std::filesystem::path> files = {recipe.resolve(recipe.model.path)};
  const std::function<void(const nlohmann::json&)> collect = [&](const nlohmann::json& value) {
    if (value.is_string()) {
      const auto path = recipe.resolve(value.get<std::string>());
      std::error_code error;
      if (std::filesystem::is_regular_file(path, error)) files.push_back(path);
    } else if (value.is_structured()) {
      for (const auto& member : value) collect(member);
    }
  };
  if (recipe.task) collect(*recipe.task);
  for (const Stage& stage : recipe.pipeline) collect(stage.options);  // teachers and students that are files
  FASTC_TRY(const std::string contents, content_key(files));
  return stage_key(contents, fmt::format("fastc {} seed {} threads {} isa {} task {} {} inputs {}", FASTC_VERSION, recipe.seed, engine_threads(recipe), fastc_rt_isa(), task.type(),
                                         recipe.task ? recipe.task->dump() : "", recipe.source["model"].dump()));
}

}  // namespace

std::string file_name(std::string stage) {
  for (char& c : stage)
    if (c == ':' || c == '/') c = '-';
  return stage;
}

Speedup speedup_of(const std::string& at, const PairedFigures& paired) {
  return {at, paired.median, paired.low, paired.high, static_cast<int64_t>(paired.ratios.size()), paired.b.isa};
}

void set_latency(Figures& figures, const std::string& at, const RunnerFigures& runner) { figures.latency_ms[at] = {runner.p50_ms, runner.p95_ms}; }

void set_process(Figures& figures, const RunnerFigures& runner) {
  figures.peak_memory_bytes = runner.peak_memory_bytes, figures.load_ms = runner.load_ms, figures.first_ms = runner.first_ms;
}

CompressRun::CompressRun(const Recipe& recipe, const CompressOptions& options, Progress& progress)
    : recipe_(recipe), options_(options), progress_(progress), journal_(recipe.output / ".journal"), work_(recipe.output / ".work") {}

Result<CompressRun> CompressRun::start(const Recipe& recipe, const CompressOptions& options, Progress& progress) {
  CompressRun run(recipe, options, progress);
  set_engine_threads(engine_threads(recipe));
  FASTC_CHECK(make_folders(run.work_));
  FASTC_TRY(run.decisions_, Decisions::load(options.replay));
  const std::filesystem::path model = recipe.resolve(recipe.model.path);
  FASTC_TRY(const auto inputs, known_inputs(recipe, model));
  FASTC_TRY(run.task_, task_for_recipe(recipe, inputs));
  FASTC_TRY(run.models_.original, import_for_recipe(recipe, model, run.task_.get()));
  if (run.task_->type() == "fidelity") {
    FASTC_TRY(run.task_, task_for_recipe(recipe, input_types(run.models_.original)));  // random inputs need the imported types
  }
  run.current_ = run.models_.original;
  FASTC_TRY(run.key_, base_key(recipe, *run.task_));

  Report& report = run.report_;
  report.name = recipe.name, report.task = run.task_->type(), report.primary = run.task_->primary();
  if (!recipe.task) report.notes.push_back("No task was given: the result is compared with the original on random inputs, which says nothing about accuracy on real data.");
  if (!recipe.task && recipe.gates.accuracy) return usage_error("/gates/accuracy: an accuracy gate needs a task with labelled data; add /task");
  FASTC_TRY(report.source_bytes, file_bytes(model));
  FASTC_TRY(const auto mapped, MappedFile::open(model));
  report.provenance = {{"fastc", FASTC_VERSION}, {"model_sha256", sha256_hex(mapped->bytes())}, {"recipe_sha256", sha256_hex(as_bytes_of(recipe.source.dump()))},
                       {"isa", fastc_rt_isa()}, {"engine_threads", std::to_string(engine_threads(recipe))}, {"seed", std::to_string(recipe.seed)}};
  if (!options.resume) FASTC_CHECK(run.journal_.discard());
  return run;
}

StageContext CompressRun::context(const std::string& stage) const {
  return StageContext(recipe_, task_.get(), models_, stage, progress_);
}

Metadata CompressRun::metadata() const {
  const auto known = [&](const char* key) { return report_.provenance.at(key); };
  return {{"fastc", FASTC_VERSION},          {"name", recipe_.name},       {"task", task_->type()},
          {"model_sha256", known("model_sha256")}, {"recipe_sha256", known("recipe_sha256")}, {"compiled_on", known("isa")}, {"engine_threads", known("engine_threads")}};
}

Result<Metrics> CompressRun::metrics_of(const std::filesystem::path& artifact) {
  FASTC_TRY(ArtifactModel model, ArtifactModel::open(artifact, engine_threads(recipe_)));
  const RunBatch run = [&](std::span<const Tensor> in) { return model.run(in); };
  if (!task_->needs_reference()) return evaluate(run, *task_, {}, progress_);
  FASTC_TRY(ArtifactModel original, ArtifactModel::open(original_artifact_, engine_threads(recipe_)));
  return evaluate(run, *task_, [&](std::span<const Tensor> in) { return original.run(in); }, progress_);
}

Status CompressRun::measure_original() {
  StageContext ctx = context("original");
  FASTC_TRY(const Emitted emitted, emit(models_.original, work_ / "original.fastc", metadata(), ctx));
  original_artifact_ = current_artifact_ = emitted.path;
  report_.original = emitted.figures;
  FASTC_TRY(report_.original.metrics, metrics_of(emitted.path));
  scored_sha256_ = emitted.sha256, scored_metrics_ = report_.original.metrics;
  return {};
}

Status CompressRun::fold_before(const Stage& stage, Module& module) {
  if (!find_pass(stage.pass)->traits().needs_folded) return {};
  StageContext ctx = context("fold");
  FASTC_TRY(module, ready_to_lower(module, ctx));
  return {};
}

Result<PassReport> CompressRun::apply(const Stage& stage, Module& module, StageContext& context) {
  if (!stage.max_drop) return find_pass(stage.pass)->run(module, stage.options, context);
  const Score score = [&](const Module& candidate) -> Result<double> {
    FASTC_TRY(const Emitted emitted, emit(candidate, work_ / "candidate.fastc", metadata(), context));
    FASTC_TRY(const Metrics metrics, metrics_of(emitted.path));
    return metrics.at(task_->primary());
  };
  return quantize_within_drop(stage, module, score, context);
}

Result<StageRow> CompressRun::run_pass(size_t index, Module& module, std::map<std::string, Module>& shipped) {
  const Stage& stage = recipe_.pipeline[index];
  const Pass& pass = *find_pass(stage.pass);
  StageRow row;
  row.pass = stage.pass, row.name = label(stage, index);
  FASTC_TRY(const std::string resolved, pass.resolved(stage.options, stage.pointer));
  const std::string drop = stage.max_drop ? fmt::format(" max_drop {}", *stage.max_drop) : "";
  key_ = stage_key(key_, stage.pass + " " + row.name + " " + stage.keep + drop + " " + resolved);
  std::optional<LiveCurves> curves;
  if (recipe_.tensorboard) curves.emplace(recipe_.output / "tensorboard" / file_name(row.name));
  if (options_.resume) {
    if (auto entry = journal_.find(index, key_); entry && decisions_.repeat(entry->decisions)) {
      module = std::move(entry->module), shipped = std::move(entry->shipped);
      row.report = std::move(entry->report), row.seconds = entry->seconds, row.resumed = true;
      if (curves) FASTC_CHECK(curves->finish(row.report.curves));
      return row;
    }
  }
  FASTC_CHECK(fold_before(stage, module));
  const auto start = std::chrono::steady_clock::now();
  StageContext ctx(recipe_, task_.get(), models_, row.name, progress_,
                   {journal_.checkpoints(index, key_), recipe_.output / ".journal" / "teachers", &decisions_, curves ? &*curves : nullptr, &shipped});
  auto report = apply(stage, module, ctx);
  if (!report) return at(fmt::format("stage {} ({})", stage.pointer, stage.pass), report.error());
  if (Status status = verify(module); !status) return internal_error("after {}: {}", stage.pass, status.error().message);
  row.report = std::move(*report), row.seconds = seconds_since(start);
  if (curves) FASTC_CHECK(curves->finish(row.report.curves));
  FASTC_CHECK(journal_.record(index, key_, {module, row.report, row.seconds, decisions_.made_by(row.name), shipped}));
  return row;
}

Status CompressRun::measure_stage(size_t index, const Module& module, StageRow& row) {
  StageContext ctx = context("measure");
  FASTC_TRY(const Emitted emitted, emit(module, work_ / fmt::format("stage-{:02}.fastc", index), metadata(), ctx));
  row.figures = emitted.figures;
  FASTC_TRY(row.figures->metrics, metrics_of(emitted.path));
  row.sha256 = emitted.sha256;
  const RunnerSettings settings{recipe_.target.batch, recipe_.target.threads, recipe_.target.isa, {}};
  FASTC_TRY(const PairedFigures paired, measure_paired(current_artifact_, emitted.path, settings, kStageRounds, progress_));
  const std::string at = latency_key(settings.batch, settings.threads);
  set_latency(*row.figures, at, paired.b);
  row.speedup = speedup_of(at, paired);
  return {};
}

Status CompressRun::stage(size_t index) {
  if (interrupted()) return interrupted_error("stage " + recipe_.pipeline[index].pass);
  const Stage& stage = recipe_.pipeline[index];
  Module module = current_;
  std::map<std::string, Module> shipped;
  FASTC_TRY(StageRow row, run_pass(index, module, shipped));
  if (!row.report.changed && options_.strict) return stage_error("stage {} ({}) changed nothing, and --strict was given", stage.pointer, stage.pass);
  FASTC_CHECK(measure_stage(index, module, row));
  if (stage.keep == "if-faster") FASTC_CHECK(keep_if_faster(index, row));
  // What was decided from measured time decides what later stages work on, so their keys hold it.
  if (const auto decided = decisions_.made_by(row.name); !decided.empty()) key_ = stage_key(key_, nlohmann::json(decided).dump());
  if (row.kept) {
    current_ = std::move(module);
    current_artifact_ = work_ / fmt::format("stage-{:02}.fastc", index);
    scored_sha256_ = row.sha256, scored_metrics_ = row.figures->metrics;
    for (auto& [name, other] : shipped) others_.push_back({row.name, name, std::move(other)});
  }
  if (!stage.name.empty()) models_.stages[stage.name] = current_;
  report_.stages.push_back(std::move(row));
  return {};
}

Status CompressRun::keep_if_faster(size_t index, StageRow& row) {
  StageContext ctx(recipe_, task_.get(), models_, row.name, progress_, {.decisions = &decisions_});
  const double speedup = row.speedup->median;
  FASTC_TRY(const std::string faster, ctx.decide("is faster", [&]() -> Result<std::string> { return std::string(speedup > 1.0 ? "yes" : "no"); }));
  row.kept = faster == "yes";
  if (!row.kept)
    row.reason = fmt::format("undone: it was {} ({:.2f} times the speed of the stage before)", speedup > 1.0 ? "not faster when this was decided, but is now" : "not faster", speedup);
  return journal_.record_decisions(index, decisions_.made_by(row.name));
}

Status CompressRun::emit_result() {
  StageContext ctx = context("emit");
  FASTC_TRY(result_, emit(current_, work_ / "result.fastc", metadata(), ctx));
  report_.result = result_.figures;
  if (result_.sha256 == scored_sha256_) {
    report_.result.metrics = scored_metrics_;
  } else {
    FASTC_TRY(report_.result.metrics, metrics_of(result_.path));
  }
  report_.artifact_path = "model.fastc", report_.artifact_sha256 = result_.sha256;
  return decisions_.write(recipe_.output / "decisions.json");
}

Result<std::vector<Tensor>> CompressRun::samples(int64_t count) const {
  const Dataset* data = task_->evaluation() ? task_->evaluation() : task_->calibration();
  if (!data) return usage_error("/task: neither evaluation nor calibration data, so there is nothing to compare engine and artifact on");
  std::vector<int64_t> indices(static_cast<size_t>(std::min(count, data->size())));
  std::iota(indices.begin(), indices.end(), 0);
  FASTC_TRY(Batch batch, data->batch(indices));
  return std::move(batch.inputs);
}

// Only an artifact that agrees with the engine gets its final name.
Status CompressRun::compare() {
  FASTC_TRY(const std::vector<Tensor> inputs, samples(kCompareSamples));
  FASTC_TRY(ArtifactModel artifact, ArtifactModel::open(result_.path, engine_threads(recipe_)));
  FASTC_TRY(report_.comparison, compare_with_engine(result_.lowered, artifact, inputs));
  if (!report_.comparison.failure.empty()) return stage_error("engine and artifact disagree: {}", report_.comparison.failure);
  report_.kernels = artifact.ops();
  FASTC_TRY(report_.tensors, count_stored(result_.lowered, artifact));
  StageContext ctx = context("layers");
  FASTC_TRY(const Module original, ready_to_lower(models_.original, ctx));
  FASTC_TRY(report_.layer_errors, layer_errors(original, result_.lowered, inputs));
  FASTC_TRY(const auto bytes, MappedFile::open(result_.path));
  return write_atomic(recipe_.output / "model.fastc", bytes->bytes());
}

Status CompressRun::emit_stub() {
  if (!recipe_.emit.stub) return {};
  FASTC_TRY(const std::vector<Tensor> inputs, samples(2));
  FASTC_TRY(ArtifactModel artifact, ArtifactModel::open(recipe_.output / "model.fastc", 1));
  FASTC_TRY(const std::vector<Tensor> outputs, artifact.run(inputs));
  StubModel stub{recipe_.name, recipe_.output / "model.fastc", {}, {}};
  stub.cuda = std::find(recipe_.emit.targets.begin(), recipe_.emit.targets.end(), "cuda") != recipe_.emit.targets.end();
  if (stub.cuda) report_.notes.push_back("The recipe asks for the target cuda: the runtime has no CUDA kernels yet, and the stub's build says so. It runs on the CPU.");
  for (size_t i = 0; i < inputs.size(); ++i) stub.inputs.push_back({artifact.inputs()[i].name, inputs[i].dtype(), artifact.inputs()[i].shape, inputs[i]});
  for (size_t i = 0; i < outputs.size(); ++i) stub.outputs.push_back({artifact.output_names()[i], outputs[i].dtype(), outputs[i].shape(), outputs[i]});
  FASTC_CHECK(write_stub(recipe_.output / "runtime", stub));
  report_.stub = {true, "runtime", ""};
  FASTC_TRY(report_.stub.verdict, verify_stub(recipe_.output / "runtime", recipe_.emit.stub_options.verify));
  return {};
}

Status CompressRun::measure_result() {
  std::vector<std::pair<int64_t, int64_t>> points = {{recipe_.target.batch, recipe_.target.threads}};
  if (recipe_.gates.latency && std::pair(recipe_.gates.latency->batch, recipe_.gates.latency->threads) != points[0])
    points.emplace_back(recipe_.gates.latency->batch, recipe_.gates.latency->threads);
  for (const auto& [batch, threads] : points) {
    const RunnerSettings settings{batch, threads, recipe_.target.isa, {}};
    FASTC_TRY(const PairedFigures paired, measure_paired(original_artifact_, recipe_.output / "model.fastc", settings, recipe_.target.rounds, progress_));
    const std::string key = latency_key(batch, threads);
    set_latency(report_.original, key, paired.a);
    set_latency(report_.result, key, paired.b);
    report_.speedups.push_back(speedup_of(key, paired));
    if (report_.speedups.size() > 1) continue;
    set_process(report_.original, paired.a);
    set_process(report_.result, paired.b);
  }
  return {};
}

Report CompressRun::take_report() { return std::move(report_); }

}  // namespace fastc
