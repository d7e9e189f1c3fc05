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

TEST_CASE("--no-resume trains from the first epoch, and what it recorded can be resumed") {
  const auto folder = TempDir::make();
  json recipe = base_recipe();
  recipe["pipeline"] = {{{"pass", "finetune"}, {"epochs", 1}}};
  const auto again = [&](const char* flag) { return fastc_run({"compress", (folder->path() / "recipe.json").string(), "--out", (folder->path() / "out").string(), flag}); };
  const auto stage = [&] { return (*read_json(folder->path() / "out" / "report.json"))["stages"][0]; };
  REQUIRE(compress(folder->path(), recipe).status == 0);
  const std::string hash = hash_of(folder->path() / "out" / "model.fastc");
  const json notes = stage()["report"]["notes"];
  REQUIRE(again("--no-resume").status == 0);
  CHECK(stage()["resumed"] == false);
  CHECK(stage()["report"]["notes"] == notes);  // none of epochs taken from the journal
  CHECK(hash_of(folder->path() / "out" / "model.fastc") == hash);
  REQUIRE(again("--json").status == 0);
  CHECK(stage()["resumed"] == true);
}

TEST_CASE("a resumed run decides as the first did, and writes it; a replay that says otherwise runs the stage again") {
  const auto folder = TempDir::make();
  json recipe = base_recipe();
  recipe["pipeline"] = {{{"pass", "prune.weight"}, {"name", "sparse"}, {"ratio", 0.5}, {"keep", "if-faster"}}};  // no faster, or by chance
  const auto decisions = folder->path() / "out" / "decisions.json";
  const auto stage = [&] { return (*read_json(folder->path() / "out" / "report.json"))["stages"][0]; };
  REQUIRE(compress(folder->path(), recipe).status == 0);
  const json first = (*read_json(decisions))["decisions"];
  REQUIRE(first.contains("sparse: is faster"));
  REQUIRE(compress(folder->path(), recipe).status == 0);
  CHECK((*read_json(decisions))["decisions"] == first);
  CHECK(stage()["resumed"] == true);
  CHECK(stage()["kept"] == (first["sparse: is faster"] == "yes"));
  const bool kept = first["sparse: is faster"] != "yes";
  REQUIRE(write_atomic(folder->path() / "replay.json", json{{"decisions", {{"sparse: is faster", kept ? "yes" : "no"}}}}.dump()));
  REQUIRE(fastc_run({"compress", (folder->path() / "recipe.json").string(), "--out", (folder->path() / "out").string(), "--replay", (folder->path() / "replay.json").string()}).status == 0);
  CHECK(stage()["resumed"] == false);
  CHECK(stage()["kept"] == kept);
}

TEST_CASE("of two networks that teach each other both ship; a second run takes both from the journal, and a teacher's answers from the cache") {
  const auto folder = TempDir::make();
  json recipe = base_recipe();
  recipe["tensorboard"] = true;
  recipe["task"] = {{"type", "fidelity"}, {"calibration", {{"format", "random"}, {"samples", 96}}}};
  recipe["pipeline"] = {{{"pass", "distill.bidirectional"}, {"name", "mutual"}, {"ships", "both"}, {"teacher", "original"}, {"peer", {{"path", "original"}, {"initialize", "random"}}},
                         {"losses", {{{"type", "soft_kl"}}}}, {"epochs", 2}},
                        {{"pass", "quantize.static"}}};
  const auto report = [&] { return *read_json(folder->path() / "out" / "report.json"); };
  const Finished finished = compress(folder->path(), recipe);
  INFO(finished.output);
  REQUIRE(finished.status == 0);
  const json first = report();
  REQUIRE(first["others"].size() == 1);
  CHECK(first["others"][0]["name"] == "peer");
  CHECK(first["others"][0]["path"] == "mutual.peer.fastc");
  CHECK(first["others"][0]["sha256"] == hash_of(folder->path() / "out" / "mutual.peer.fastc"));
  CHECK(first["others"][0]["bytes"] > first["result"]["bytes"]);  // the result was quantized after that stage
  CHECK(first["others"][0]["metrics"].contains("agreement"));
  CHECK(first["others"][0]["latency_ms"].contains("b1t1"));
  CHECK(std::filesystem::exists(folder->path() / "out" / "tensorboard" / "mutual" / "events.out.tfevents.fastc"));
  CHECK(fastc_run({"bench", (folder->path() / "out" / "mutual.peer.fastc").string(), "--rounds", "3"}).status == 0);
  REQUIRE(compress(folder->path(), recipe).status == 0);
  CHECK(report()["stages"][0]["resumed"] == true);
  CHECK(report()["others"][0]["sha256"] == first["others"][0]["sha256"]);
  recipe["pipeline"][0]["optimizer"] = {{"lr", 0.01}};  // another run of the same teacher on the same samples
  REQUIRE(compress(folder->path(), recipe).status == 0);
  CHECK(report()["stages"][0]["resumed"] == false);
  CHECK(first["stages"][0]["report"]["numbers"]["teacher_answers_computed"] == 96);
  CHECK(report()["stages"][0]["report"]["numbers"]["teacher_answers_computed"] == 64);  // its first batch
  CHECK(report()["stages"][0]["report"]["numbers"]["teacher_answers_read"] == 32);
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
  recipe["pipeline"] = {{{"pass", "distill.single_shot"}, {"teacher", "none.pt"}}};
  REQUIRE(write_atomic(folder->path() / "recipe.json", recipe.dump()));
  const Finished teacher = fastc_run({"validate", (folder->path() / "recipe.json").string()});
  CHECK(teacher.status == 3);
  CHECK(teacher.output.find("/pipeline/0/teacher: ") != std::string::npos);
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
