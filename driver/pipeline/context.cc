#include "driver/pipeline/context.h"

#include <thread>

#include "base/files.h"
#include "base/random.h"
#include "driver/pipeline/emitted.h"
#include "driver/pipeline/import.h"
#include "driver/measure/latency.h"

namespace fastc {
namespace {
constexpr int64_t kServiceRounds = 5;  // steers a search; the report measures longer
}

int engine_threads(const Recipe& recipe) {
  if (recipe.engine.threads > 0) return static_cast<int>(recipe.engine.threads);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

StageContext::StageContext(const Recipe& recipe, const Task* task, const Models& models, std::string stage, Progress& progress, StageKeeping keeping)
    : recipe_(recipe), task_(task), models_(models), stage_(std::move(stage)), progress_(progress), keeping_(std::move(keeping)), seed_(seed_for(recipe.seed, stage_)), threads_(engine_threads(recipe)) {}
StageContext::~StageContext() = default;

const Dataset* StageContext::calibration() {
  if (!task_) return nullptr;
  return task_->calibration() ? task_->calibration() : task_->train() ? task_->train() : task_->evaluation();
}

const Dataset* StageContext::training_data() { return task_ ? task_->train() : nullptr; }

Result<Module> StageContext::model(std::string_view which) {
  if (which == "original") return models_.original;
  if (which.starts_with("stage:")) {
    const std::string name(which.substr(6));
    const auto found = models_.stages.find(name);
    if (found != models_.stages.end()) return found->second;
    std::string known;
    for (const auto& [stage, module] : models_.stages) known += (known.empty() ? "" : ", ") + stage;
    return usage_error("no earlier stage is called \"{}\"; named stages so far: {}", name, known.empty() ? "none" : known);
  }
  return import_for_recipe(recipe_, recipe_.resolve(std::string(which)), task_);
}

Result<double> StageContext::relative_latency(const Module& module, const Module& before) {
  FASTC_TRY(const TempDir folder, TempDir::make());
  FASTC_TRY(const Emitted candidate, emit(module, folder.path() / "candidate.fastc", {}, *this));
  FASTC_TRY(const Emitted whole, emit(before, folder.path() / "before.fastc", {}, *this));
  const RunnerSettings settings{recipe_.target.batch, recipe_.target.threads, recipe_.target.isa, {}};
  FASTC_TRY(const PairedFigures paired, measure_paired(candidate.path, whole.path, settings, kServiceRounds, silent_progress()));
  return paired.median;
}

Result<std::string> StageContext::decide(std::string_view question, const std::function<Result<std::string>()>& choose) {
  if (keeping_.decisions == nullptr) return choose();
  const std::string asked = fmt::format("{}: {}", stage_, question);
  const auto replayed = keeping_.decisions->replayed(asked);
  FASTC_TRY(std::string answer, replayed ? Result<std::string>(*replayed) : choose());
  keeping_.decisions->record(asked, answer);
  return answer;
}

void StageContext::plot(const CurvePoint& point) {
  if (keeping_.curves != nullptr) keeping_.curves->add(point);
}

Status StageContext::ship(std::string_view name, const Module& module) {
  if (keeping_.shipped == nullptr) return PassContext::ship(name, module);
  keeping_.shipped->insert_or_assign(std::string(name), module);
  return {};
}

}  // namespace fastc
