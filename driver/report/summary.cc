// summary.md: the table a person reads first, and what CI puts on a pull request. Also junit.xml for CI's own tables.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "driver/report/report.h"

namespace fastc {
namespace {

std::string ratio(double original, double result) { return result > 0 ? fmt::format("{:.2f}x", original / result) : "-"; }
std::string bytes_text(uint64_t bytes) { return bytes >= 1000000 ? fmt::format("{:.2f} MB", bytes / 1e6) : fmt::format("{:.1f} kB", bytes / 1e3); }
std::string count_text(int64_t n) { return n >= 1000000 ? fmt::format("{:.2f} M", n / 1e6) : fmt::format("{:.1f} k", n / 1e3); }

double metric(const Metrics& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? NAN : found->second;
}

std::string metric_text(const Figures& f, const std::string& primary) {
  const double correct = metric(f.metrics, "correct"), total = metric(f.metrics, "total"), value = metric(f.metrics, primary);
  if (!std::isnan(correct) && !std::isnan(total)) return fmt::format("{:.2f} % ({:.0f} of {:.0f})", 100 * value, correct, total);
  return std::isnan(value) ? "-" : fmt::format("{:.4f}", value);
}

void latency_rows(std::string& out, const Report& r) {
  for (const Speedup& s : r.speedups) {
    const auto a = r.original.latency_ms.find(s.at), b = r.result.latency_ms.find(s.at);
    if (a == r.original.latency_ms.end() || b == r.result.latency_ms.end()) continue;
    out += fmt::format("| latency {} (p50 ms) | {:.3f} | {:.3f} | {:.2f}x (p10 {:.2f}, p90 {:.2f}, {} paired rounds, {}) |\n", s.at, a->second.p50, b->second.p50, s.median, s.low, s.high, s.rounds, s.isa);
  }
}

void stage_rows(std::string& out, const Report& r) {
  if (r.stages.empty()) return;
  out += fmt::format("\n| stage | {} | file | FLOPs | speed-up over the stage before | seconds |\n|---|---|---|---|---|---|\n", r.primary);
  for (const StageRow& row : r.stages) {
    const std::string state = !row.kept ? " (undone)" : !row.report.changed ? " (changed nothing)" : row.resumed ? " (resumed)" : "";
    out += fmt::format("| {}{} | {} | {} | {} | {} | {:.1f} |\n", row.pass, state, row.figures ? metric_text(*row.figures, r.primary) : "-", row.figures ? bytes_text(row.figures->bytes) : "-",
                       row.figures ? count_text(row.figures->flops) : "-", row.speedup ? fmt::format("{:.2f}x", row.speedup->median) : "-", row.seconds);
  }
  for (const StageRow& row : r.stages) {
    for (const std::string& note : row.report.notes) out += fmt::format("\n- {}: {}", row.name, note);
    if (!row.reason.empty()) out += fmt::format("\n- {}: {}", row.name, row.reason);
  }
}

void other_rows(std::string& out, const Report& r) {
  if (r.others.empty()) return;
  out += fmt::format("\n\n| shipped too | {} | file | FLOPs | speed-up over the original |\n|---|---|---|---|---|\n", r.primary);
  for (const OtherRow& row : r.others)
    out += fmt::format("| {} ({} of {}) | {} | {} | {} | {} |\n", row.path, row.name, row.stage, metric_text(row.figures, r.primary), bytes_text(row.figures.bytes),
                       count_text(row.figures.flops), row.speedup ? fmt::format("{:.2f}x", row.speedup->median) : "-");
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

}  // namespace

std::string summary_markdown(const Report& r) {
  std::string out = fmt::format("# {}: {}\n\n| | original | result | ratio |\n|---|---|---|---|\n", r.name, r.status == "ok" ? "done" : r.status);
  out += fmt::format("| {} | {} | {} | |\n", r.primary, metric_text(r.original, r.primary), metric_text(r.result, r.primary));
  out += fmt::format("| file | {} | {} | {} |\n", bytes_text(r.original.bytes), bytes_text(r.result.bytes), ratio(r.original.bytes, r.result.bytes));
  out += fmt::format("| weights | {} | {} | {} |\n", bytes_text(r.original.weight_bytes), bytes_text(r.result.weight_bytes), ratio(r.original.weight_bytes, r.result.weight_bytes));
  out += fmt::format("| parameters | {} | {} | {} |\n", count_text(r.original.parameters), count_text(r.result.parameters), ratio(r.original.parameters, r.result.parameters));
  out += fmt::format("| FLOPs | {} | {} | {} |\n", count_text(r.original.flops), count_text(r.result.flops), ratio(r.original.flops, r.result.flops));
  latency_rows(out, r);
  out += fmt::format("| peak memory (process) | {} | {} | {} |\n", bytes_text(r.original.peak_memory_bytes), bytes_text(r.result.peak_memory_bytes), ratio(r.original.peak_memory_bytes, r.result.peak_memory_bytes));
  out += fmt::format("| start to first inference (ms) | {:.1f} | {:.1f} | |\n", r.original.first_ms, r.result.first_ms);
  stage_rows(out, r);
  other_rows(out, r);
  if (!r.gates.empty()) out += "\n\n| gate | limit | value | |\n|---|---|---|---|\n";
  for (const GateRow& g : r.gates) out += fmt::format("| {} | {:g} | {:.4g} | {} |\n", g.name, g.limit, g.value, g.held ? "held" : "FAILED");
  out += fmt::format("\nEngine and artifact were compared node by node on {} samples ({} nodes, {}).\n", r.comparison.samples, r.comparison.nodes.size(),
                     r.comparison.all_integer ? "whole network exact" : fmt::format("whole network within {:.2g} of the largest output", r.comparison.network_max_error));
  if (r.stub.written) out += fmt::format("Runtime stub: {} ({}).\n", r.stub.folder, r.stub.verdict);
  for (const std::string& note : r.notes) out += note + "\n";
  return out;
}

std::string junit_xml(const Report& r) {
  const auto failed = std::count_if(r.gates.begin(), r.gates.end(), [](const GateRow& g) { return !g.held; });
  std::string out = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"fastc {}\" tests=\"{}\" failures=\"{}\">\n", xml(r.name), r.gates.size() + 1,
                                failed + (r.comparison.failure.empty() ? 0 : 1));
  out += "  <testcase name=\"engine and artifact agree\">";
  if (!r.comparison.failure.empty()) out += fmt::format("<failure message=\"{}\"/>", xml(r.comparison.failure));
  out += "</testcase>\n";
  for (const GateRow& g : r.gates) {
    out += fmt::format("  <testcase name=\"gate {}\">", xml(g.name));
    if (!g.held) out += fmt::format("<failure message=\"limit {:g}, value {:.6g}\"/>", g.limit, g.value);
    out += "</testcase>\n";
  }
  return out + "</testsuite></testsuites>\n";
}

}  // namespace fastc
