// run, bench, eval, compare: commands on one or two model files.
#include <cstdio>
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/flags.h"
#include "driver/model_file.h"

namespace fastc::cli {
namespace {

Result<std::vector<int64_t>> integer_list(const std::string& text, const std::string& flag) {
  std::vector<int64_t> values;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    if (item.empty() || item.size() > 6 || item.find_first_not_of("0123456789") != std::string::npos || item == "0")
      return usage_error("{} {}: expected positive numbers like 1,8", flag, text);
    values.push_back(std::stoll(item));
  }
  if (values.empty()) return usage_error("{}: expected positive numbers like 1,8", flag);
  return values;
}

void model_flags(cxxopts::Options& options) {
  options.add_options()("model", "an artifact, or anything importable", cxxopts::value<std::string>())("shape", "an input's shape, where the file has none: x=N,3,32,32 (repeatable)",
                                                                                                    cxxopts::value<std::vector<std::string>>());
}

}  // namespace

Result<int> run_command(int argc, char** argv) {
  cxxopts::Options options("fastc run", "fastc run MODEL --input in.npz --output out.npz");
  model_flags(options);
  options.add_options()("input", ".npz with arrays named as the inputs, or input_0 …", cxxopts::value<std::string>())("output", ".npz to write", cxxopts::value<std::string>())(
      "on", "runtime | engine | torchscript", cxxopts::value<std::string>()->default_value("runtime"))("threads", "threads", cxxopts::value<int>()->default_value("1"));
  options.parse_positional({"model"});
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const std::string model, required(flags, "model", "a model file"));
  FASTC_TRY(const std::string input, required(flags, "input", "--input FILE.npz"));
  FASTC_TRY(const std::string output, required(flags, "output", "--output FILE.npz"));
  const std::string on = flags.values["on"].as<std::string>();
  if (on != "runtime" && on != "engine" && on != "torchscript") return usage_error("--on {}: expected runtime, engine or torchscript", on);
  FASTC_CHECK(run_file(model, input, output, on, all_of(flags, "shape"), std::max(1, flags.values["threads"].as<int>())));
  std::cout << "wrote " << output << "\n";
  return 0;
}

Result<int> bench_command(int argc, char** argv) {
  cxxopts::Options options("fastc bench", "fastc bench MODEL [--against OTHER]: p50 and p95 latency, throughput, peak memory, load time, in fastc-runner.");
  model_flags(options);
  options.add_options()("batch", "batches: 1,8", cxxopts::value<std::string>()->default_value("1"))("threads", "threads: 1,2", cxxopts::value<std::string>()->default_value("1"))(
      "rounds", "rounds", cxxopts::value<int>()->default_value("11"))("against", "a second model, in alternating rounds", cxxopts::value<std::string>())("json", "for machines");
  options.parse_positional({"model"});
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const std::string model, required(flags, "model", "a model file"));
  FASTC_TRY(const auto batches, integer_list(flags.values["batch"].as<std::string>(), "--batch"));
  FASTC_TRY(const auto threads, integer_list(flags.values["threads"].as<std::string>(), "--threads"));
  const int64_t rounds = std::max(3, flags.values["rounds"].as<int>());
  nlohmann::json out = nlohmann::json::array();
  const bool json = flags.values.count("json") > 0;
  if (flags.values.count("against")) {
    for (const int64_t batch : batches)
      for (const int64_t t : threads) {
        FASTC_TRY(const PairedFigures p, bench_pair(model, flags.values["against"].as<std::string>(), {batch, t, "auto", {}}, rounds, all_of(flags, "shape"), silent_progress()));
        out.push_back({{"batch", batch}, {"threads", t}, {"a_p50_ms", p.a.p50_ms}, {"b_p50_ms", p.b.p50_ms}, {"ratio", p.median}, {"p10", p.low}, {"p90", p.high}, {"rounds", rounds}, {"isa", p.a.isa}});
        if (!json) std::printf("batch %lld, threads %lld: %.3f ms against %.3f ms, ratio %.3f (p10 %.3f, p90 %.3f, %lld paired rounds, %s)\n", (long long)batch, (long long)t, p.a.p50_ms, p.b.p50_ms, p.median, p.low, p.high, (long long)rounds, p.a.isa.c_str());
      }
  } else {
    FASTC_TRY(const std::vector<BenchRow> rows, bench_file(model, batches, threads, rounds, all_of(flags, "shape"), silent_progress()));
    if (!json) std::printf("%6s %8s %10s %10s %12s %12s %10s %10s  %s\n", "batch", "threads", "p50 ms", "p95 ms", "samples/s", "peak MB", "load ms", "first ms", "isa");
    for (const BenchRow& r : rows) {
      const double throughput = r.figures.p50_ms > 0 ? 1000.0 * static_cast<double>(r.batch) / r.figures.p50_ms : 0;
      out.push_back({{"batch", r.batch}, {"threads", r.threads}, {"p50_ms", r.figures.p50_ms}, {"p95_ms", r.figures.p95_ms}, {"samples_per_second", throughput},
                     {"peak_memory_bytes", r.figures.peak_memory_bytes}, {"load_ms", r.figures.load_ms}, {"first_ms", r.figures.first_ms}, {"isa", r.figures.isa}});
      if (!json) std::printf("%6lld %8lld %10.3f %10.3f %12.1f %12.1f %10.2f %10.2f  %s\n", (long long)r.batch, (long long)r.threads, r.figures.p50_ms, r.figures.p95_ms, throughput, static_cast<double>(r.figures.peak_memory_bytes) / 1e6, r.figures.load_ms, r.figures.first_ms, r.figures.isa.c_str());
    }
  }
  if (json) std::cout << out.dump(2) << "\n";
  return 0;
}

Result<int> eval_command(int argc, char** argv) {
  cxxopts::Options options("fastc eval", "fastc eval MODEL --recipe R: scores a model on the recipe's task.");
  model_flags(options);
  options.add_options()("recipe", "recipe whose task is used", cxxopts::value<std::string>())("on", "runtime | engine", cxxopts::value<std::string>()->default_value("runtime"))(
      "set", "change the recipe: task.evaluation.limit=100 (repeatable)", cxxopts::value<std::vector<std::string>>())("json", "for machines");
  options.parse_positional({"model"});
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const std::string model, required(flags, "model", "a model file"));
  FASTC_TRY(const std::string recipe, required(flags, "recipe", "--recipe FILE"));
  const std::string on = flags.values["on"].as<std::string>();
  if (on != "runtime" && on != "engine") return usage_error("--on {}: expected runtime or engine", on);
  const std::unique_ptr<Progress> progress = terminal_progress();
  FASTC_TRY(const Evaluation result, eval_file(model, recipe, all_of(flags, "set"), on, *progress));
  if (flags.values.count("json")) std::cout << nlohmann::json{{"task", result.task}, {"primary", result.primary}, {"metrics", result.metrics}}.dump(2) << "\n";
  else
    for (const auto& [name, value] : result.metrics) std::printf("%s %.10g\n", name.c_str(), value);
  return 0;
}

Result<int> compare_command(int argc, char** argv) {
  cxxopts::Options options("fastc compare", "fastc compare A B [--input in.npz]: how far two models' outputs are apart.");
  model_flags(options);
  options.add_options()("other", "the second model", cxxopts::value<std::string>())("input", ".npz with inputs; random ones without", cxxopts::value<std::string>())(
      "batch", "batch of random inputs", cxxopts::value<int>()->default_value("4"))("json", "for machines");
  options.parse_positional({"model", "other"});
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const std::string a, required(flags, "model", "two model files"));
  FASTC_TRY(const std::string b, required(flags, "other", "two model files"));
  const std::string input = flags.values.count("input") ? flags.values["input"].as<std::string>() : "";
  FASTC_TRY(const auto rows, compare_files(a, b, input, std::max(1, flags.values["batch"].as<int>()), all_of(flags, "shape")));
  nlohmann::json out = nlohmann::json::array();
  for (const OutputDifference& row : rows) {
    out.push_back({{"output", row.output}, {"max_abs", row.max_abs}, {"relative", row.relative}, {"cosine", row.cosine}});
    if (!flags.values.count("json")) std::printf("%s: max error %.6g (%.3g of the largest output), cosine %.6f\n", row.output.c_str(), row.max_abs, row.relative, row.cosine);
  }
  if (flags.values.count("json")) std::cout << out.dump(2) << "\n";
  return 0;
}

}  // namespace fastc::cli
