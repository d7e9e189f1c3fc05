// Networks that stages ship beside the result: each an artifact of its own, compared with the engine, scored and timed as the result is.
#include <algorithm>

#include "base/files.h"
#include "driver/pipeline/run.h"
#include "driver/report/gates.h"

namespace fastc {

Status CompressRun::ship_others() {
  for (const Other& other : others_) {
    StageContext ctx = context("emit");
    OtherRow row;
    row.stage = other.stage, row.name = other.name;
    row.path = file_name(other.stage) + "." + other.name + ".fastc";
    FASTC_TRY(const Emitted emitted, emit(other.module, work_ / row.path, metadata(), ctx));
    row.sha256 = emitted.sha256, row.figures = emitted.figures;
    FASTC_TRY(const std::vector<Tensor> inputs, samples(kCompareSamples));
    FASTC_TRY(ArtifactModel artifact, ArtifactModel::open(emitted.path, engine_threads(recipe_)));
    FASTC_TRY(const Comparison comparison, compare_with_engine(emitted.lowered, artifact, inputs));
    if (!comparison.failure.empty()) return stage_error("{}: engine and artifact disagree: {}", row.path, comparison.failure);
    row.max_error = comparison.network_max_error;
    FASTC_TRY(row.figures.metrics, metrics_of(emitted.path));
    const RunnerSettings settings{recipe_.target.batch, recipe_.target.threads, recipe_.target.isa, {}};
    FASTC_TRY(const PairedFigures paired, measure_paired(original_artifact_, emitted.path, settings, recipe_.target.rounds, progress_));
    const std::string at = latency_key(settings.batch, settings.threads);
    set_latency(row.figures, at, paired.b);
    set_process(row.figures, paired.b);
    row.speedup = speedup_of(at, paired);
    FASTC_TRY(const auto bytes, MappedFile::open(emitted.path));
    FASTC_CHECK(write_atomic(recipe_.output / row.path, bytes->bytes()));
    report_.others.push_back(std::move(row));
  }
  return {};
}

}  // namespace fastc
