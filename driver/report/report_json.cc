// report.json. docs/report.md describes every field; "version" changes when one changes its meaning.
#include <nlohmann/json.hpp>

#include "driver/report/pass_report_json.h"
#include "driver/report/report.h"

namespace fastc {
namespace {

using nlohmann::json;

json figures_json(const Figures& f) {
  json latency = json::object();
  for (const auto& [key, figure] : f.latency_ms) latency[key] = {{"p50", figure.p50}, {"p95", figure.p95}};
  return {{"metrics", f.metrics}, {"parameters", f.parameters}, {"flops", f.flops}, {"bytes", f.bytes}, {"weight_bytes", f.weight_bytes}, {"latency_ms", latency},
          {"peak_memory_bytes", f.peak_memory_bytes}, {"load_ms", f.load_ms}, {"first_inference_ms", f.first_ms}};
}

json speedup_json(const Speedup& s) {
  return {{"at", s.at}, {"median", s.median}, {"p10", s.low}, {"p90", s.high}, {"rounds", s.rounds}, {"isa", s.isa}};
}

json stage_json(const StageRow& row) {
  json stage = row.figures ? figures_json(*row.figures) : json::object();
  stage.update({{"pass", row.pass}, {"name", row.name}, {"seconds", row.seconds}, {"changed", row.report.changed}, {"resumed", row.resumed}, {"kept", row.kept}, {"reason", row.reason},
                {"report", pass_report_json(row.report)}});
  if (row.speedup) stage["speedup_over_previous"] = speedup_json(*row.speedup);
  return stage;
}

json other_json(const OtherRow& row) {
  json other = figures_json(row.figures);
  other.update({{"stage", row.stage}, {"name", row.name}, {"path", row.path}, {"sha256", row.sha256}, {"max_error", row.max_error}});
  if (row.speedup) other["speedup"] = speedup_json(*row.speedup);
  return other;
}

json comparison_json(const Comparison& c) {
  json nodes = json::array();
  for (const NodeDifference& n : c.nodes) nodes.push_back({{"node", n.node}, {"kernel", n.kernel}, {"isa", n.isa}, {"integer", n.integer}, {"max_error", n.max_error}});
  return {{"samples", c.samples}, {"all_integer", c.all_integer}, {"network_max_error", c.network_max_error}, {"failure", c.failure}, {"nodes", nodes}};
}

}  // namespace

json report_json(const Report& r) {
  json out = {{"version", 1}, {"name", r.name}, {"status", r.status}, {"task", r.task}, {"primary_metric", r.primary}, {"notes", r.notes}, {"source_bytes", r.source_bytes},
              {"original", figures_json(r.original)}, {"result", figures_json(r.result)}, {"provenance", r.provenance},
              {"artifact", {{"path", r.artifact_path}, {"sha256", r.artifact_sha256}, {"bytes", r.result.bytes}}},
              {"stub", {{"written", r.stub.written}, {"folder", r.stub.folder}, {"verdict", r.stub.verdict}}},
              {"comparison", comparison_json(r.comparison)}};
  out["stages"] = out["gates"] = out["speedups"] = out["kernels"] = out["tensors"] = out["layer_errors"] = out["others"] = json::array();
  for (const StageRow& row : r.stages) out["stages"].push_back(stage_json(row));
  for (const GateRow& g : r.gates) out["gates"].push_back({{"name", g.name}, {"limit", g.limit}, {"value", g.value}, {"verdict", g.held ? "held" : "failed"}});
  for (const Speedup& s : r.speedups) out["speedups"].push_back(speedup_json(s));
  for (const RuntimeOp& op : r.kernels) out["kernels"].push_back({{"node", op.name}, {"kernel", op.kernel}, {"isa", op.isa}});
  for (const StoredTensor& t : r.tensors)
    out["tensors"].push_back({{"name", t.name}, {"dtype", name_of(t.dtype)}, {"bits", t.bits}, {"shape", t.shape}, {"packing", t.packing}, {"bytes", t.bytes}});
  for (const OtherRow& row : r.others) out["others"].push_back(other_json(row));
  for (const LayerError& e : r.layer_errors) out["layer_errors"].push_back({{"node", e.node}, {"op", e.op}, {"relative", e.relative}});
  return out;
}

}  // namespace fastc
