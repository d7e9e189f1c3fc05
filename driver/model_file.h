// MODEL on the command line: an artifact, or anything importable, which is first lowered in fp32 to a temporary artifact.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/result.h"
#include "driver/measure/compare.h"
#include "driver/measure/evaluate.h"
#include "driver/measure/latency.h"
#include "ir/module.h"

namespace fastc {

struct ModelFile {
  std::filesystem::path artifact;       // what the runtime opens
  std::optional<Module> module;         // imported form; absent for an artifact
  std::optional<TempDir> temporary;     // keeps a lowered artifact alive
};

FASTC_API bool is_artifact(const std::filesystem::path& path);
// `shapes`: "x=N,3,32,32" for inputs the file does not describe.
FASTC_API Result<Module> import_with_shapes(const std::filesystem::path& path, const std::vector<std::string>& shapes);
FASTC_API Result<ModelFile> open_model_file(const std::filesystem::path& path, const std::vector<std::string>& shapes);

// Arrays named as the graph's inputs, or input_0, input_1 …; outputs under their names. `on`: runtime | engine | torchscript (.pt files).
FASTC_API Status run_file(const std::filesystem::path& model, const std::filesystem::path& input_npz, const std::filesystem::path& output_npz, const std::string& on,
                          const std::vector<std::string>& shapes, int threads);

struct BenchRow {
  int64_t batch = 1, threads = 1;
  RunnerFigures figures;
};
FASTC_API Result<std::vector<BenchRow>> bench_file(const std::filesystem::path& model, const std::vector<int64_t>& batches, const std::vector<int64_t>& threads, int64_t rounds,
                                                   const std::vector<std::string>& shapes, Progress& progress);
// A and B in alternating rounds.
FASTC_API Result<PairedFigures> bench_pair(const std::filesystem::path& a, const std::filesystem::path& b, const RunnerSettings& settings, int64_t rounds,
                                           const std::vector<std::string>& shapes, Progress& progress);

struct Evaluation {
  Metrics metrics;
  std::string task, primary;
};
// The recipe's task on MODEL. `on`: runtime | engine.
FASTC_API Result<Evaluation> eval_file(const std::filesystem::path& model, const std::filesystem::path& recipe, const std::vector<std::string>& set, const std::string& on, Progress& progress);

struct OutputDifference {
  std::string output;
  double max_abs = 0, relative = 0, cosine = 0;
};
// Both on the same inputs: the arrays of `input_npz`, or random ones (seeded) of the given batch.
FASTC_API Result<std::vector<OutputDifference>> compare_files(const std::filesystem::path& a, const std::filesystem::path& b, const std::filesystem::path& input_npz, int64_t batch,
                                                             const std::vector<std::string>& shapes);

}  // namespace fastc
