// What the driver gives a pass: the stage's seed, data, other models, measuring.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "driver/pipeline/decisions.h"
#include "driver/recipe/recipe.h"
#include "driver/report/tensorboard.h"
#include "passes/pass.h"

namespace fastc {

// The models a recipe can name. Copies share weights, so keeping them costs nothing until something changes.
struct Models {
  Module original;                          // as imported and canonicalized
  std::map<std::string, Module> stages;     // by the stage's "name"
};

// Where a stage leaves what is not its report. Null or empty: nowhere.
struct StageKeeping {
  std::string journal_folder, cache_folder;
  Decisions* decisions = nullptr;                   // choices made from measured time
  LiveCurves* curves = nullptr;
  std::map<std::string, Module>* shipped = nullptr; // networks beside the result
};

class StageContext final : public PassContext {
 public:
  StageContext(const Recipe& recipe, const Task* task, const Models& models, std::string stage, Progress& progress, StageKeeping keeping = {});
  ~StageContext() override;
  uint64_t seed() const override { return seed_; }
  int threads() const override { return threads_; }
  Progress& progress() override { return progress_; }
  const Dataset* calibration() override;
  const Dataset* training_data() override;
  const Task* task() override { return task_; }
  Result<Module> model(std::string_view which) override;
  Result<double> relative_latency(const Module& module, const Module& before) override;
  Result<std::string> decide(std::string_view question, const std::function<Result<std::string>()>& choose) override;
  std::string journal_folder() override { return keeping_.journal_folder; }
  std::string cache_folder() override { return keeping_.cache_folder; }
  void plot(const CurvePoint& point) override;
  Status ship(std::string_view name, const Module& module) override;

 private:
  const Recipe& recipe_;
  const Task* task_;
  const Models& models_;
  std::string stage_;
  Progress& progress_;
  StageKeeping keeping_;
  uint64_t seed_;
  int threads_;
};

int engine_threads(const Recipe& recipe);  // 0 in the recipe: every core

}  // namespace fastc
