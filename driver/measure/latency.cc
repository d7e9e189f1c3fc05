#include "driver/measure/latency.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/process.h"

namespace fastc {
namespace {

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

// One fastc-runner kept alive: it answers each line "run N" with one line of JSON.
class Runner {
 public:
  static Result<Runner> start(const std::filesystem::path& artifact, const RunnerSettings& settings) {
    FASTC_TRY(const std::filesystem::path program, find_runner());
    std::vector<std::string> arguments = {program.string(), artifact.string(), "--rounds", "--batch", std::to_string(settings.batch), "--threads", std::to_string(settings.threads)};
    for (const auto& [name, size] : settings.sizes) arguments.insert(arguments.end(), {"--size", name + "=" + std::to_string(size)});
    std::vector<std::string> environment;
    if (settings.isa != "auto") environment.push_back("FASTC_CPU_ISA=" + settings.isa);
    Runner runner;
    FASTC_TRY(runner.child_, Child::start(arguments, environment));
    FASTC_TRY(const nlohmann::json ready, runner.answer());
    runner.figures_.load_ms = ready.value("load_ms", 0.0), runner.figures_.first_ms = ready.value("first_ms", 0.0);
    runner.figures_.isa = ready.value("isa", "");
    return runner;
  }

  // Median milliseconds of `runs` runs.
  Result<double> round(int64_t runs) {
    FASTC_CHECK(child_->write_line("run " + std::to_string(runs)));
    FASTC_TRY(const nlohmann::json line, answer());
    const auto times = line.value("ms", std::vector<double>{});
    if (times.empty()) return stage_error("fastc-runner answered without timings: {}", line.dump());
    all_.insert(all_.end(), times.begin(), times.end());
    figures_.peak_memory_bytes = line.value("peak_memory_bytes", uint64_t{0});
    return percentile(times, 0.5);
  }

  RunnerFigures figures() const {
    RunnerFigures f = figures_;
    f.p50_ms = percentile(all_, 0.5), f.p95_ms = percentile(all_, 0.95);
    return f;
  }

 private:
  Result<nlohmann::json> answer() {
    FASTC_TRY(const std::string line, child_->read_line(kSecondsToAnswer));
    nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
    if (!parsed.is_object()) return stage_error("fastc-runner: expected a line of JSON, found \"{}\"", line.substr(0, 200));
    if (parsed.contains("error")) return stage_error("fastc-runner: {}", parsed["error"].get<std::string>());
    return parsed;
  }

  static constexpr int kSecondsToAnswer = 120;
  std::optional<Child> child_;
  RunnerFigures figures_;
  std::vector<double> all_;
};

// As many runs a round as fill about this long, so that short networks are not timed one clock tick at a time.
constexpr double kRoundMs = 30;
int64_t runs_for(double ms) { return std::clamp<int64_t>(static_cast<int64_t>(kRoundMs / std::max(ms, 1e-3)), 3, 200); }

}  // namespace

Result<std::filesystem::path> find_runner() {
  if (const char* given = std::getenv("FASTC_RUNNER")) return std::filesystem::path(given);
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const char* beside : {"fastc-runner", "../fastc-runner", "backends/runtime/fastc-runner", "../backends/runtime/fastc-runner", "../bin/fastc-runner"}) {
    const auto candidate = self.parent_path() / beside;
    if (!error && access(candidate.c_str(), X_OK) == 0) return candidate.lexically_normal();
  }
  return stage_error("fastc-runner was not found beside {}; set FASTC_RUNNER to its path", self.string());
}

Result<PairedFigures> measure_paired(const std::filesystem::path& a, const std::filesystem::path& b, const RunnerSettings& settings, int64_t rounds, Progress& progress) {
  FASTC_TRY(Runner first, Runner::start(a, settings));
  FASTC_TRY(Runner second, Runner::start(b, settings));
  FASTC_TRY(const double warm_a, first.round(3));
  FASTC_TRY(const double warm_b, second.round(3));
  ProgressStage stage(progress, "measure", rounds);
  PairedFigures figures;
  for (int64_t i = 0; i < rounds; ++i) {
    if (interrupted()) return interrupted_error("measuring");
    FASTC_TRY(const double ms_a, first.round(runs_for(warm_a)));
    FASTC_TRY(const double ms_b, second.round(runs_for(warm_b)));
    figures.ratios.push_back(ms_a / ms_b);
    stage.step();
  }
  figures.a = first.figures(), figures.b = second.figures();
  figures.median = percentile(figures.ratios, 0.5), figures.low = percentile(figures.ratios, 0.1), figures.high = percentile(figures.ratios, 0.9);
  return figures;
}

Result<RunnerFigures> measure_one(const std::filesystem::path& artifact, const RunnerSettings& settings, int64_t rounds, Progress& progress) {
  FASTC_TRY(Runner runner, Runner::start(artifact, settings));
  FASTC_TRY(const double warm, runner.round(3));
  ProgressStage stage(progress, "measure", rounds);
  for (int64_t i = 0; i < rounds; ++i) {
    if (interrupted()) return interrupted_error("measuring");
    FASTC_CHECK(runner.round(runs_for(warm)));
    stage.step();
  }
  return runner.figures();
}

}  // namespace fastc
