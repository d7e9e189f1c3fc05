#include "driver/recipe/recipe.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Result<Recipe> read(const std::string& text, const RecipeOverrides& overrides = {}) {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const auto path = folder->path() / "r.json";
  REQUIRE(write_atomic(path, text));
  return read_recipe(path, overrides);
}

}  // namespace

TEST_CASE("a recipe fills in what it does not say") {
  const auto recipe = read(R"({"model": {"path": "m.pt"}})");
  REQUIRE(recipe);
  CHECK(recipe->name == "model");
  CHECK(recipe->target.rounds == 15);
  CHECK(recipe->emit.stub);
  CHECK(recipe->pipeline.empty());
  CHECK_FALSE(recipe->task);
}

TEST_CASE("broken recipes say where, what was expected and what was found") {
  const std::pair<const char*, const char*> broken[] = {
      {"{", "r.json"},
      {"[]", "expected a recipe (a JSON object)"},
      {"{}", "model"},
      {R"({"model": "m.pt"})", "/model: expected an object with \"path\""},
      {R"({"model": {"path": 3}})", "/model/path: expected a path, found the number 3"},
      {R"({"model": {"path": "m.pt", "shape": 1}})", "/model/shape: unknown key"},
      {R"({"model": {"path": "m.pt"}, "pipelin": []})", "pipeline"},
      {R"({"model": {"path": "m.pt"}, "seed": -1})", "/seed"},
      {R"({"model": {"path": "m.pt"}, "pipeline": [{"pass": "prune.chanel"}]})", "no pass is called \"prune.chanel\""},
      {R"({"model": {"path": "m.pt"}, "pipeline": [{"pass": "quantize.static", "bits": 7}]})", "/pipeline/0/bits"},
      {R"({"model": {"path": "m.pt"}, "pipeline": [{"pass": "quantize.static", "bits": 9}]})", "/pipeline/0/bits: expected 8 or 16, found 9"},
      {R"({"model": {"path": "m.pt"}, "pipeline": [{"pass": "graph.fold", "name": "a"}, {"pass": "graph.fuse", "name": "a"}]})", "two stages are called \"a\""},
      {R"({"model": {"path": "m.pt"}, "pipeline": [{"pass": "quantize.static", "max_drop": -1}]})", "/pipeline/0/max_drop: expected a number of at least 0, found the number -1"},
      {R"({"model": {"path": "m.pt"}, "pipeline": [{"pass": "finetune", "max_drop": 0.1}]})", "/pipeline/0/max_drop: finetune is no quantizing pass that can leave layers out"},
      {R"({"model": {"path": "${FASTC_SURELY_UNSET}"}})", "the environment variable FASTC_SURELY_UNSET is not set"},
      {R"({"model": {"path": "m.pt"}, "gates": {"accuracy": {"max_drop": 2}}})", "/gates/accuracy/max_drop"},
  };
  for (const auto& [text, message] : broken) {
    const auto recipe = read(text);
    INFO(text);
    REQUIRE_FALSE(recipe);
    CHECK(recipe.error().cls == ErrorClass::kUsage);
    INFO(recipe.error().message);
    CHECK(recipe.error().message.find(message) != std::string::npos);
  }
}

TEST_CASE("--set, --shape and --out change the recipe from outside") {
  RecipeOverrides overrides;
  overrides.set = {"pipeline.0.bits=8", "name=\"other\"", "target.rounds=3"};
  overrides.shapes = {"x=N,3,32,32"};
  overrides.output = "elsewhere";
  const auto recipe = read(R"({"model": {"path": "m.pt"}, "pipeline": [{"pass": "quantize.static"}]})", overrides);
  REQUIRE(recipe);
  CHECK(recipe->name == "other");
  CHECK(recipe->target.rounds == 3);
  CHECK(recipe->output == "elsewhere");
  CHECK(recipe->model.inputs.at("x").shape == std::vector<std::string>{"N", "3", "32", "32"});
  CHECK(recipe->pipeline[0].options.at("bits") == 8);
}

TEST_CASE("--set refuses a path that leads nowhere") {
  RecipeOverrides overrides;
  overrides.set = {"pipeline.3.bits=8"};
  const auto recipe = read(R"({"model": {"path": "m.pt"}, "pipeline": []})", overrides);
  REQUIRE_FALSE(recipe);
  CHECK(recipe.error().message.find("--set pipeline.3.bits=8") != std::string::npos);
}

TEST_CASE("the shipped schema is what this program would write") {
  const auto shipped = read_text(test::source_path("configs/recipe.schema.json"));
  REQUIRE(shipped);
  CHECK(*shipped == recipe_schema().dump(2) + "\n");
}
