// One `fastc compress` under way. Each step leaves the report truer; the order is in driver/compress.cc.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "driver/compress.h"
#include "driver/measure/latency.h"
#include "driver/pipeline/context.h"
#include "driver/pipeline/decisions.h"
#include "driver/pipeline/emitted.h"
#include "driver/pipeline/journal.h"

namespace fastc {

class CompressRun {
 public:
  static Result<CompressRun> start(const Recipe& recipe, const CompressOptions& options, Progress& progress);

  Status measure_original();
  Status stage(size_t index);
  Status emit_result();     // OUT/.work/result.fastc, then OUT/model.fastc once compare() holds
  Status compare();
  Status emit_stub();
  Status measure_result();
  Status ship_others();     // OUT/STAGE.NAME.fastc for each network that a stage ships beside the result (driver/pipeline/others.cc)
  Report take_report();

 private:
  CompressRun(const Recipe& recipe, const CompressOptions& options, Progress& progress);
  StageContext context(const std::string& stage) const;
  Result<StageRow> run_pass(size_t index, Module& module, std::map<std::string, Module>& shipped);
  Status keep_if_faster(size_t index, StageRow& row);
  Status fold_before(const Stage& stage, Module& module);
  Result<PassReport> apply(const Stage& stage, Module& module, StageContext& context);
  Status measure_stage(size_t index, const Module& module, StageRow& row);
  Result<Metrics> metrics_of(const std::filesystem::path& artifact);
  Result<std::vector<Tensor>> samples(int64_t count) const;
  Metadata metadata() const;

  const Recipe& recipe_;
  CompressOptions options_;
  Progress& progress_;
  std::unique_ptr<Task> task_;
  Journal journal_;
  Decisions decisions_;
  std::filesystem::path work_;
  struct Other {
    std::string stage, name;
    Module module;
  };
  Models models_;
  std::vector<Other> others_;
  Module current_;
  std::string key_;                    // of everything up to here
  std::filesystem::path original_artifact_, current_artifact_;
  std::string scored_sha256_;          // the artifact last kept, and what it scored: the same bytes are not scored twice
  Metrics scored_metrics_;
  Emitted result_;
  Report report_;
};

std::string file_name(std::string stage);  // of a stage's own files: "0:finetune" as "0-finetune"

// Measured figures as the report has them. `at`: "b1t1".
Speedup speedup_of(const std::string& at, const PairedFigures& paired);
void set_latency(Figures& figures, const std::string& at, const RunnerFigures& runner);
void set_process(Figures& figures, const RunnerFigures& runner);  // memory, and the time until it could answer

}  // namespace fastc
