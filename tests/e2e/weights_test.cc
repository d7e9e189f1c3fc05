// Weights in fewer bits, and with blocks of zeros, from a model file to a written artifact: engine and runtime agree node by node, on the kernels
// that are meant to run.
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "tests/catch.h"

using namespace fastc;
using nlohmann::json;

namespace {

json report_of(const json& model, const json& pipeline) {
  const auto folder = TempDir::make();
  const json recipe = {{"name", "weights"}, {"seed", 3}, {"engine", {{"threads", 1}}}, {"target", {{"rounds", 3}}}, {"model", model}, {"pipeline", pipeline}, {"emit", {{"stub", false}}}};
  REQUIRE(write_atomic(folder->path() / "recipe.json", recipe.dump()));
  const auto finished = run_to_end({test::built_path("fastc").string(), "compress", (folder->path() / "recipe.json").string(), "--out", (folder->path() / "out").string()}, 300);
  REQUIRE(finished);
  INFO(pipeline.dump() << "\n" << finished->output);
  REQUIRE(finished->status == 0);  // 5 when engine and artifact disagree
  const auto report = read_json(folder->path() / "out" / "report.json");
  REQUIRE(report);
  return *report;
}

json convs() { return {{"path", test::source_path("tests/data/models/convs.pt").string()}, {"inputs", {{"x", {{"shape", {"N", 3, 8, 8}}}}}}}; }
json tokens() { return {{"path", test::source_path("tests/data/models/tokens.pt2").string()}}; }

// How many nodes the kernel computed; each was compared with the engine.
int nodes_on(const json& report, const std::string& kernel) {
  int count = 0;
  for (const json& node : report["comparison"]["nodes"]) {
    if (node["kernel"] != kernel) continue;
    ++count;
    CHECK(node["max_error"].get<double>() <= 1e-4);
  }
  return count;
}

int count_packed(const json& report, const std::string& packing) {
  return static_cast<int>(std::count_if(report["tensors"].begin(), report["tensors"].end(), [&](const json& t) { return t["packing"] == packing; }));
}

}  // namespace

TEST_CASE("weights in 8 and 4 bits run as the engine says, and the file shrinks") {
  for (const json& options : {json{{"bits", 8}}, json{{"bits", 4}, {"group_size", 32}}, json{{"bits", 4}, {"group_size", 2}, {"scale", "mse"}}}) {
    json pass = options;
    pass["pass"] = "quantize.weight_only";
    const json images = report_of(convs(), json::array({pass})), text = report_of(tokens(), json::array({pass}));
    CHECK(nodes_on(images, "conv_stored") > 0);
    CHECK(nodes_on(images, "linear_stored") > 0);
    CHECK(nodes_on(text, "embedding_stored") > 0);
    CHECK(images["result"]["weight_bytes"] < images["original"]["weight_bytes"]);
  }
}

TEST_CASE("weights of few bits under integer arithmetic run as the engine says, bit for bit, and the file shrinks") {
  const auto quantized = [](const json& options) {
    json pass = options;
    pass["pass"] = "quantize.static";
    return report_of(convs(), json::array({pass}));
  };
  const json eight = quantized({{"weight_bits", 8}}), three = quantized({{"weight_bits", 3}}), two = quantized({{"weight_bits", 2}}),
             groups = quantized({{"weight_bits", 3}, {"group_size", 8}}), wide = quantized({{"bits", 16}, {"weight_bits", 3}, {"group_size", 8}});
  for (const json* report : {&three, &two, &groups, &wide})
    for (const json& node : (*report)["comparison"]["nodes"])
      if (node["integer"].get<bool>()) CHECK(node["max_error"] == 0);
  CHECK(count_packed(three, "3-bit") > 0);
  CHECK(count_packed(two, "ternary") > 0);
  CHECK(count_packed(groups, "groups") > 0);
  CHECK(count_packed(wide, "groups") > 0);
  for (const char* bytes : {"bytes", "weight_bytes"}) {
    CHECK(two["result"][bytes] < three["result"][bytes]);
    CHECK(three["result"][bytes] < groups["result"][bytes]);
    CHECK(groups["result"][bytes] < eight["result"][bytes]);
  }
}

TEST_CASE("weights as 16-bit floats run as the engine says") {
  for (const char* dtype : {"f16", "bf16"}) {
    const json pass = {{"pass", "quantize.cast"}, {"dtype", dtype}};
    const json images = report_of(convs(), json::array({pass})), text = report_of(tokens(), json::array({pass}));
    CHECK(nodes_on(images, "conv_stored") > 0);
    CHECK(nodes_on(images, "linear_stored") > 0);
    CHECK(nodes_on(text, "embedding") > 0);
    CHECK(images["result"]["bytes"] < images["original"]["bytes"]);
  }
}

TEST_CASE("2:4 and scattered zeros are left out of the file, in floats, in bytes and in halves") {
  const json four = {{"pass", "prune.weight"}, {"pattern", "2:4"}}, scattered = {{"pass", "prune.weight"}, {"ratio", 0.8}};
  const json after[] = {json::array(), json::array({json{{"pass", "quantize.static"}}}), json::array({json{{"pass", "quantize.cast"}, {"dtype", "bf16"}}})};
  for (const json& then : after) {
    const auto with = [&](const json& prune) {
      json pipeline = prune.is_null() ? json::array() : json::array({prune});
      pipeline.insert(pipeline.end(), then.begin(), then.end());
      return report_of(convs(), pipeline);
    };
    const json dense = with(nullptr), half = with(four), fifth = with(scattered);
    CHECK(count_packed(dense, "2:4") == 0);
    CHECK(count_packed(half, "2:4") + count_packed(half, "bitmap") > 0);
    if (then.dump().find("quantize.cast") == std::string::npos) CHECK(count_packed(half, "2:4") > 0);  // halves of a window lie channel by channel: no fours
    CHECK(count_packed(fifth, "bitmap") > 0);
    CHECK(half["result"]["bytes"] < dense["result"]["bytes"]);
    CHECK(fifth["result"]["weight_bytes"] < half["result"]["weight_bytes"]);
  }
}

TEST_CASE("blocks of zeros are skipped by the runtime") {
  const json report = report_of(convs(), json::array({json{{"pass", "prune.weight"}, {"pattern", "16x1"}, {"ratio", 0.6}, {"scope", "layer"}, {"include", {"op:linear"}}}}));
  CHECK(nodes_on(report, "linear_sparse") > 0);
}
