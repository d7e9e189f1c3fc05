#include "driver/report/gates.h"

#include <algorithm>
#include <cmath>

namespace fastc {
namespace {

void at_least(std::vector<GateRow>& rows, const char* name, const std::optional<double>& limit, double value) {
  if (limit) rows.push_back({name, *limit, value, value >= *limit});
}
void at_most(std::vector<GateRow>& rows, const char* name, const std::optional<double>& limit, double value) {
  if (limit) rows.push_back({name, *limit, value, value <= *limit});
}

double metric(const Figures& figures, const std::string& name) {
  const auto found = figures.metrics.find(name);
  return found == figures.metrics.end() ? 0 : found->second;
}

}  // namespace

std::string latency_key(int64_t batch, int64_t threads) { return fmt::format("b{}t{}", batch, threads); }

std::vector<GateRow> judge_gates(const RecipeGates& gates, const Report& report) {
  std::vector<GateRow> rows;
  if (gates.accuracy) {
    const double result = metric(report.result, report.primary);
    at_most(rows, "accuracy.max_drop", gates.accuracy->max_drop, metric(report.original, report.primary) - result);
    at_least(rows, "accuracy.min", gates.accuracy->min, result);
  }
  if (gates.size) {
    at_least(rows, "size.min_ratio", gates.size->min_ratio, static_cast<double>(report.original.bytes) / static_cast<double>(std::max<uint64_t>(report.result.bytes, 1)));
    if (gates.size->max_bytes) at_most(rows, "size.max_bytes", static_cast<double>(*gates.size->max_bytes), static_cast<double>(report.result.bytes));
  }
  if (gates.latency) {
    const std::string key = latency_key(gates.latency->batch, gates.latency->threads);
    const auto speedup = std::find_if(report.speedups.begin(), report.speedups.end(), [&](const Speedup& s) { return s.at == key; });
    at_least(rows, "latency.min_speedup", gates.latency->min_speedup, speedup == report.speedups.end() ? 0 : speedup->median);
    const auto latency = report.result.latency_ms.find(key);
    at_most(rows, "latency.max_ms", gates.latency->max_ms, latency == report.result.latency_ms.end() ? HUGE_VAL : latency->second.p50);
  }
  return rows;
}

}  // namespace fastc
