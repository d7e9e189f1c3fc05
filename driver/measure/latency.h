// Time, memory and load time, taken by fastc-runner: a child process with the runtime and nothing else in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"

namespace fastc {

struct RunnerSettings {
  int64_t batch = 1, threads = 1;
  std::string isa = "auto";              // FASTC_CPU_ISA of the child; auto: unset
  std::map<std::string, int64_t> sizes;  // symbols other than the batch
};

struct RunnerFigures {
  double p50_ms = 0, p95_ms = 0, load_ms = 0, first_ms = 0;
  uint64_t peak_memory_bytes = 0;
  std::string isa;
};

struct PairedFigures {
  RunnerFigures a, b;
  std::vector<double> ratios;  // a/b, one a round
  double median = 0, low = 0, high = 0;
};

// The runner beside this command, or FASTC_RUNNER. Error (kStage) when it is not there.
Result<std::filesystem::path> find_runner();
// A and B in alternating rounds, both processes alive and warm; each round's figure is the median of its runs.
Result<PairedFigures> measure_paired(const std::filesystem::path& a, const std::filesystem::path& b, const RunnerSettings& settings, int64_t rounds, Progress& progress);
Result<RunnerFigures> measure_one(const std::filesystem::path& artifact, const RunnerSettings& settings, int64_t rounds, Progress& progress);

}  // namespace fastc
