// The command as a user runs it, on the small network under tests/data: exit codes, what is written, and the same bytes twice.
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/sha256.h"
#include "tests/catch.h"

using namespace fastc;
using nlohmann::json;

namespace {

constexpr int kSeconds = 300;

Finished fastc_run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), test::built_path("fastc").string());
  const auto finished = run_to_end(arguments, kSeconds);
  REQUIRE(finished);
  return *finished;
}

json base_recipe() {
  return {{"name", "small"}, {"seed", 3}, {"engine", {{"threads", 1}}}, {"target", {{"rounds", 3}}},
          {"model", {{"path", test::source_path("tests/data/models/convs.pt").string()}, {"inputs", {{"x", {{"shape", {"N", 3, 8, 8}}}}}}}},
          {"pipeline", {{{"pass", "finetune"}, {"epochs", 1}}, {{"pass", "quantize.static"}}}},
          {"emit", {{"stub", false}}}};
}

Finished compress(const std::filesystem::path& folder, const json& recipe) {
  REQUIRE(write_atomic(folder / "recipe.json", recipe.dump()));
  return fastc_run({"compress", (folder / "recipe.json").string(), "--out", (folder / "out").string()});
}

std::string hash_of(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  REQUIRE(file);
  return sha256_hex((*file)->bytes());
}

}  // namespace

TEST_CASE("a recipe becomes an artifact and a report, and the same recipe the same bytes") {
  const auto first = TempDir::make(), second = TempDir::make();
  json recipe = base_recipe();
  recipe["pipeline"] = {{{"pass", "quantize.static"}}};
  const Finished finished = compress(first->path(), recipe);
  INFO(finished.output);
  REQUIRE(finished.status == 0);
  for (const char* file : {"model.fastc", "report.json", "report.html", "summary.md", "junit.xml", "decisions.json"}) CHECK(std::filesystem::exists(first->path() / "out" / file));
  const auto report = read_json(first->path() / "out" / "report.json");
  REQUIRE(report);
  CHECK((*report)["status"] == "ok");
  CHECK((*report)["artifact"]["sha256"] == hash_of(first->path() / "out" / "model.fastc"));
  CHECK((*report)["result"]["bytes"] < (*report)["original"]["bytes"]);
  CHECK_FALSE((*report)["comparison"]["nodes"].empty());
  CHECK_FALSE((*report)["layer_errors"].empty());
  const json& tensors = (*report)["tensors"];  // what the file was found to hold
  CHECK(std::any_of(tensors.begin(), tensors.end(), [](const json& t) { return t["bits"] == 8 && t["packing"] == "panel16x4"; }));
  REQUIRE(compress(second->path(), recipe).status == 0);
  CHECK(hash_of(first->path() / "out" / "model.fastc") == hash_of(second->path() / "out" / "model.fastc"));
}

TEST_CASE("a second run takes finished stages from the journal") {
  const auto folder = TempDir::make();
  json recipe = base_recipe();
  recipe["pipeline"] = {{{"pass", "prune.weight"}, {"ratio", 0.5}}};
  REQUIRE(compress(folder->path(), recipe).status == 0);
  REQUIRE(compress(folder->path(), recipe).status == 0);
  const auto report = read_json(folder->path() / "out" / "report.json");
  REQUIRE(report);
  CHECK((*report)["stages"][0]["resumed"] == true);
}

TEST_CASE("a failed gate is exit 4, and the artifact is written all the same") {
  const auto folder = TempDir::make();
  json recipe = base_recipe();
  recipe["pipeline"] = json::array();
  recipe["gates"] = {{"size", {{"min_ratio", 100}}}};
  const Finished finished = compress(folder->path(), recipe);
  INFO(finished.output);
  CHECK(finished.status == 4);
  CHECK(std::filesystem::exists(folder->path() / "out" / "model.fastc"));
}

TEST_CASE("whose fault it is decides the exit code") {
  const auto folder = TempDir::make();
  CHECK(fastc_run({"frobnicate"}).status == 2);
  CHECK(fastc_run({"compress"}).status == 2);
  CHECK(fastc_run({"compress", (folder->path() / "none.json").string()}).status == 2);
  json recipe = base_recipe();
  recipe["model"]["path"] = "none.pt";
  CHECK(compress(folder->path(), recipe).status == 3);
  recipe = base_recipe();
  recipe["pipeline"] = {{{"pass", "quantize.static"}}, {{"pass", "prune.channel"}}};
  const Finished order = compress(folder->path(), recipe);
  CHECK(order.status == 2);
  CHECK(order.output.find("/pipeline/1 (prune.channel)") != std::string::npos);
  CHECK(order.output.find("/pipeline/0 (quantize.static)") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder->path() / "out" / "model.fastc"));
}

TEST_CASE("a truncated artifact is refused in a sentence") {
  const auto folder = TempDir::make();
  json recipe = base_recipe();
  recipe["pipeline"] = json::array();
  REQUIRE(compress(folder->path(), recipe).status == 0);
  const auto whole = MappedFile::open(folder->path() / "out" / "model.fastc");
  REQUIRE(whole);
  REQUIRE(write_atomic(folder->path() / "cut.fastc", (*whole)->bytes().first((*whole)->bytes().size() / 2)));
  const Finished finished = fastc_run({"bench", (folder->path() / "cut.fastc").string()});
  CHECK(finished.status == 3);
  CHECK(finished.output.find("the file is truncated or damaged") != std::string::npos);
}

TEST_CASE("run gives the engine's numbers on the runtime") {
  const auto folder = TempDir::make();
  const std::string model = test::source_path("tests/data/models/convs.pt").string(), input = test::source_path("tests/data/models/convs.npz").string();
  for (const char* on : {"runtime", "engine", "torchscript"}) {
    const Finished finished = fastc_run({"run", model, "--shape", "x=N,3,8,8", "--input", input, "--output", (folder->path() / on).string() + ".npz", "--on", on});
    INFO(finished.output);
    CHECK(finished.status == 0);
  }
  const Finished compared = fastc_run({"compare", model, model, "--shape", "x=N,3,8,8", "--input", input});
  CHECK(compared.status == 0);
  CHECK(compared.output.find("max error 0 ") != std::string::npos);
}
