// What a run found out, and its three shapes: report.json (documented, versioned), summary.md, and a self-contained report.html.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/api.h"
#include "driver/measure/compare.h"
#include "driver/measure/evaluate.h"
#include "driver/measure/layer_errors.h"
#include "driver/measure/stored.h"
#include "passes/pass.h"

namespace fastc {

struct LatencyFigure {
  double p50 = 0, p95 = 0;  // milliseconds
};

// R in docs/report.md: one model, measured on its artifact in the runtime.
struct Figures {
  Metrics metrics;
  int64_t parameters = 0;    // stored and not zero by pattern
  int64_t flops = 0;         // batch 1: 2 x MACs of conv, linear, matmul, attention, plus 1 per element elsewhere
  uint64_t bytes = 0;        // the artifact file
  uint64_t weight_bytes = 0; // encoded weights with scales and zero points
  std::map<std::string, LatencyFigure> latency_ms;  // "b1t1"
  uint64_t peak_memory_bytes = 0;                   // of the whole fastc-runner process
  double load_ms = 0, first_ms = 0;                 // process start to loaded, and to the first inference's end
};

// Paired rounds of original and result, in turn.
struct Speedup {
  std::string at;  // "b1t1"
  double median = 0, low = 0, high = 0;  // of the paired ratios original/result; low, high: 10th and 90th percentile
  int64_t rounds = 0;
  std::string isa;
};

struct StageRow {
  std::string pass, name;
  double seconds = 0;
  bool implicit = false;   // run by fastc itself (fold, fuse), not asked for
  bool resumed = false;    // taken from the journal
  bool kept = true;        // false: undone, see `reason`
  std::string reason;
  PassReport report;
  std::optional<Figures> figures;  // absent for implicit stages
  std::string sha256;              // of the artifact they were taken on
  std::optional<Speedup> speedup;  // against the stage before
};

// A network that a stage ships beside the result, as it left that stage.
struct OtherRow {
  std::string stage, name;           // "mutual", "peer"
  std::string path, sha256;          // of its artifact; relative to the report
  Figures figures;
  std::optional<Speedup> speedup;    // against the original
  double max_error = 0;              // engine against artifact, of the largest output
};

struct GateRow {
  std::string name;     // "accuracy.max_drop"
  double limit = 0, value = 0;
  bool held = false;
};

struct StubRow {
  bool written = false;
  std::string folder, verdict;  // "built, 3 tests passed", "not built: no compiler"
};

struct Report {
  std::string name, status = "ok";  // ok | gate_failed | mismatch
  std::string task, primary;        // "image_classification", "accuracy"
  std::vector<std::string> notes;   // for a person: "no task was given, so …"
  Figures original, result;
  uint64_t source_bytes = 0;
  std::vector<StageRow> stages;
  std::vector<GateRow> gates;
  std::vector<Speedup> speedups;
  Comparison comparison;
  std::vector<StoredTensor> tensors;         // every constant of the artifact, as counted in the file
  std::vector<LayerError> layer_errors;      // of layers that original and result both have
  std::vector<RuntimeOp> kernels;            // which kernel and instruction set ran each op
  std::vector<std::pair<std::string, double>> op_ms_original, op_ms_result;  // node, milliseconds; may be empty
  std::string artifact_path, artifact_sha256;
  std::vector<OtherRow> others;
  StubRow stub;
  std::map<std::string, std::string> provenance;  // version, model_sha256, recipe_sha256, isa, engine_threads, seed …
};

nlohmann::json report_json(const Report& report);
FASTC_API std::string summary_markdown(const Report& report);
std::string report_html(const Report& report);  // pictures by Chart.js, embedded; no network
std::string junit_xml(const Report& report);    // gates and comparisons as test cases

}  // namespace fastc
