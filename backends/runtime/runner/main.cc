// fastc-runner: a .fastc artifact and the runtime, nothing else. Runs it, times it, checks it against recorded outputs.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "runner/job.h"

namespace fastc::runner {
namespace {

enum ExitCode { kDone = 0, kUsageError = 2, kUnusable = 3, kMismatch = 5 };

int complain(const Options& options, const std::string& error, int code) {
  if (options.rounds || options.json) std::printf("{\"error\": %s}\n", json_string(error).c_str()), std::fflush(stdout);
  std::fprintf(stderr, "fastc-runner: %s\n", error.c_str());
  return code;
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

bool time_runs(Job& job, int64_t runs, std::vector<double>& times) {
  times.clear();
  for (int64_t i = 0; i < runs; ++i) {
    const double start = now_ms();
    if (!job.run()) return false;
    times.push_back(now_ms() - start);
  }
  return true;
}

// The parent alternates two of these, line by line, so that both are warm and neither has the machine to itself for long.
int rounds_mode(const Options& options, Job& job) {
  std::printf("{\"load_ms\": %.6f, \"first_ms\": %.6f, \"isa\": %s, \"threads\": %lld, \"source_hash\": %s}\n", job.load_ms, job.first_ms,
              json_string(fastc_rt_isa()).c_str(), static_cast<long long>(options.threads), json_string(fastc_rt_source_hash()).c_str());
  std::fflush(stdout);
  std::string line;
  std::vector<double> times;
  while (std::getline(std::cin, line)) {
    char* end = nullptr;
    const long long runs = line.rfind("run ", 0) == 0 ? std::strtoll(line.c_str() + 4, &end, 10) : 0;
    if (runs < 1 || runs > 1000000) {
      std::printf("{\"error\": %s}\n", json_string("expected \"run N\", found \"" + line + "\"").c_str());
    } else if (!time_runs(job, runs, times)) {
      std::printf("{\"error\": %s}\n", json_string(job.error).c_str());
    } else {
      std::printf("{\"ms\": [");
      for (size_t i = 0; i < times.size(); ++i) std::printf("%s%.6f", i == 0 ? "" : ", ", times[i]);
      std::printf("], \"peak_memory_bytes\": %llu}\n", static_cast<unsigned long long>(peak_memory_bytes()));
    }
    std::fflush(stdout);
  }
  return kDone;
}

int bench_mode(const Options& options, Job& job) {
  std::vector<double> times;
  if (!time_runs(job, options.warmup, times) || !time_runs(job, options.runs, times)) return complain(options, job.error, kUnusable);
  const double p50 = percentile(times, 0.5), p95 = percentile(times, 0.95);
  const auto peak = static_cast<unsigned long long>(peak_memory_bytes()), session = static_cast<unsigned long long>(fastc_rt_session_bytes(job.session.get()));
  if (options.json) {
    std::printf("{\"p50_ms\": %.6f, \"p95_ms\": %.6f, \"load_ms\": %.6f, \"first_ms\": %.6f, \"peak_memory_bytes\": %llu, \"session_bytes\": %llu, \"batch\": %lld, "
                "\"threads\": %lld, \"runs\": %lld, \"isa\": %s, \"source_hash\": %s}\n",
                p50, p95, job.load_ms, job.first_ms, peak, session, static_cast<long long>(options.batch), static_cast<long long>(options.threads),
                static_cast<long long>(options.runs), json_string(fastc_rt_isa()).c_str(), json_string(fastc_rt_source_hash()).c_str());
  } else {
    std::printf("%s, %lld thread%s, batch %lld: p50 %.3f ms, p95 %.3f ms (%lld runs); load %.2f ms, first run %.2f ms; peak memory %.1f MB, of it %.1f MB activations\n",
                fastc_rt_isa(), static_cast<long long>(options.threads), options.threads == 1 ? "" : "s", static_cast<long long>(options.batch), p50, p95,
                static_cast<long long>(options.runs), job.load_ms, job.first_ms, static_cast<double>(peak) / 1e6, static_cast<double>(session) / 1e6);
  }
  return kDone;
}

// Median seconds of each op over the runs.
int profile_mode(const Options& options, Job& job) {
  fastc_rt_profile(job.session.get(), 1);
  const int count = fastc_rt_op_count(job.model.get());
  std::vector<std::vector<double>> seconds(static_cast<size_t>(count));
  fastc_rt_op_info info{};
  for (int64_t run = 0; run < options.runs; ++run) {
    if (!job.run()) return complain(options, job.error, kUnusable);
    for (int i = 0; i < count; ++i) {
      fastc_rt_op(job.session.get(), i, &info);
      seconds[static_cast<size_t>(i)].push_back(info.seconds);
    }
  }
  double total = 0;
  for (const auto& times : seconds) total += percentile(times, 0.5);
  for (int i = 0; i < count; ++i) {
    fastc_rt_op(job.session.get(), i, &info);
    const double s = percentile(seconds[static_cast<size_t>(i)], 0.5);
    if (options.json) {
      std::printf("%s{\"name\": %s, \"kernel\": \"%s\", \"isa\": \"%s\", \"ms\": %.6f}%s", i == 0 ? "{\"ops\": [" : "", json_string(info.name).c_str(), info.kernel, info.isa,
                  s * 1e3, i + 1 == count ? "" : ", ");
    } else {
      std::printf("%9.4f ms %5.1f %%  %-18s %-12s %s\n", s * 1e3, total > 0 ? 100 * s / total : 0.0, info.kernel, info.isa, info.name);
    }
  }
  if (options.json) std::printf("%s], \"total_ms\": %.6f}\n", count == 0 ? "{\"ops\": [" : "", total * 1e3);
  else std::printf("%9.4f ms in %d ops\n", total * 1e3, count);
  return kDone;
}

double number_at(const Array& array, int64_t i) {
  const unsigned char* p = array.data.data() + i * static_cast<int64_t>(dtype_bytes(array.dtype));
  const auto as = [p](auto value) {
    std::memcpy(&value, p, sizeof value);
    return static_cast<double>(value);
  };
  switch (array.dtype) {
    case FASTC_RT_F32: return as(float{});
    case FASTC_RT_F64: return as(double{});
    case FASTC_RT_I64: return as(int64_t{});
    case FASTC_RT_I32: return as(int32_t{});
    case FASTC_RT_S8: return as(int8_t{});
    case FASTC_RT_S16: return as(int16_t{});
    case FASTC_RT_F16: case FASTC_RT_BF16: return as(uint16_t{});  // compared by their bits
    default: return *p;
  }
}

// "" when they agree: integers equal, floats within tolerance × the largest recorded value.
std::string difference(const Array& found, const Array& recorded, double tolerance, double& worst) {
  if (found.dtype != recorded.dtype || found.shape != recorded.shape) return "type or shape differ from the recorded one";
  const bool real = found.dtype == FASTC_RT_F32 || found.dtype == FASTC_RT_F64;
  double largest = 0;
  for (int64_t i = 0; i < recorded.elements(); ++i) largest = std::max(largest, std::fabs(number_at(recorded, i)));
  for (int64_t i = 0; i < recorded.elements(); ++i) {
    const double a = number_at(found, i), b = number_at(recorded, i), error = std::isnan(a) && std::isnan(b) ? 0 : std::fabs(a - b);
    worst = std::max(worst, largest > 0 ? error / largest : error);
    if (!(error <= (real ? tolerance * largest : 0))) {
      return "element " + std::to_string(i) + " is " + std::to_string(a) + ", recorded " + std::to_string(b);
    }
  }
  return "";
}

int verify_mode(Options options) {
  Job probe;
  if (!probe.model.open(options.model)) return complain(options, probe.model.error(), kUnusable);
  options.inputs.clear();
  for (int i = 0; i < probe.model.input_count(); ++i) options.inputs.emplace_back(probe.name(i, true), options.verify + "/input_" + probe.name(i, true) + ".npy");
  Job job;
  if (!job.open(options) || !job.run()) return complain(options, job.error, kUnusable);
  double worst = 0;
  for (int i = 0; i < job.model.output_count(); ++i) {
    Array recorded;
    if (!read_npy(options.verify + "/output_" + job.name(i, false) + ".npy", recorded, job.error)) return complain(options, job.error, kUnusable);
    const std::string wrong = difference(job.outputs[static_cast<size_t>(i)], recorded, options.tolerance, worst);
    if (!wrong.empty()) return complain(options, "output \"" + job.name(i, false) + "\": " + wrong, kMismatch);
  }
  std::printf("%d output%s as recorded, largest difference %.2g of the largest value (%s)\n", job.model.output_count(), job.model.output_count() == 1 ? "" : "s", worst, fastc_rt_isa());
  return kDone;
}

int main_mode(const Options& options) {
  if (!options.verify.empty()) return verify_mode(options);
  Job job;
  if (!job.open(options) || !job.first_run()) return complain(options, job.error, kUnusable);
  for (const auto& [wanted, file] : options.outputs) {
    if (!write_npy(file, job.outputs[static_cast<size_t>(job.find(wanted, false))], job.error)) return complain(options, job.error, kUnusable);
  }
  if (options.rounds) return rounds_mode(options, job);
  if (options.profile) return profile_mode(options, job);
  if (options.bench) return bench_mode(options, job);
  if (!options.outputs.empty()) return kDone;
  for (size_t i = 0; i < job.outputs.size(); ++i) {
    std::printf("%s: %s[", job.name(static_cast<int>(i), false).c_str(), dtype_name(job.outputs[i].dtype));
    for (size_t axis = 0; axis < job.outputs[i].shape.size(); ++axis) std::printf("%s%lld", axis == 0 ? "" : ",", static_cast<long long>(job.outputs[i].shape[axis]));
    std::printf("]\n");
  }
  return kDone;
}

}  // namespace
}  // namespace fastc::runner

int main(int count, char** arguments) {
  using namespace fastc::runner;
  Options options;
  std::string error;
  if (!parse_options(count, arguments, options, error)) {
    if (!error.empty()) std::fprintf(stderr, "fastc-runner: %s\n", error.c_str());
    std::fputs(kUsage, error.empty() ? stdout : stderr);
    return error.empty() ? 0 : 2;
  }
  try {
    return main_mode(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fastc-runner: %s\n", e.what());
    return 3;
  }
}
