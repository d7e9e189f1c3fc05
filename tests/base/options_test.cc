#include "base/options.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"

using namespace fastc;
using nlohmann::json;

namespace {

struct Optimizer {
  std::string type = "adam";
  double lr = 1e-3;
};

struct Options {
  double ratio = 0.5;
  int epochs = 4;
  std::string importance = "l1";
  std::vector<std::string> include{"*"};
  std::vector<double> mean;
  std::optional<double> goal;
  bool round = false;
  std::map<std::string, std::string> names;
  Optimizer optimizer;
  std::optional<Optimizer> teacher;
  std::vector<Optimizer> steps;
  std::map<std::string, Optimizer> by_name;
  json extra;
};

const OptionSet<Optimizer>& optimizer_options() {
  static const auto set = OptionSet<Optimizer>()
                              .choice("type", &Optimizer::type, {"adam", "sgd"}, "which rule")
                              .number("lr", &Optimizer::lr, "step size", above(0));
  return set;
}

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Removes channels")
          .number("ratio", &Options::ratio, "share that goes", range(0, 1))
          .integer("epochs", &Options::epochs, "rounds over the data", at_least(0))
          .choice("importance", &Options::importance, {"l1", "taylor"}, "worth of a channel")
          .texts("include", &Options::include, "which nodes")
          .numbers("mean", &Options::mean, "a value a channel", range(0, 1))
          .number("goal", &Options::goal, "share that remains", above(0).to(1))
          .flag("round", &Options::round, "to multiples of 8")
          .text_map("names", &Options::names, "new names")
          .object("optimizer", &Options::optimizer, optimizer_options(), "training")
          .object("teacher", &Options::teacher, optimizer_options(), "maybe")
          .objects("steps", &Options::steps, optimizer_options(), "several")
          .object_map("by_name", &Options::by_name, optimizer_options(), "named")
          .json("extra", &Options::extra, "anything")
          .check([](const Options& o) {
            return o.goal && o.ratio != 0.5 ? "expected either goal or ratio, found both" : "";
          });
  return set;
}

}  // namespace

TEST_CASE("options that are given") {
  const auto chosen = options().parse(json::parse(R"({
      "ratio": 1, "epochs": 2.0, "importance": "taylor", "include": "layer1.*", "mean": [0, 0.25], "round": true,
      "names": {"a": "b"}, "optimizer": {"lr": 0.1}, "teacher": {}, "steps": [{"type": "sgd"}, {}],
      "by_name": {"x": {"lr": 2}}, "extra": {"any": [1]}})"));
  REQUIRE(chosen);
  CHECK(chosen->ratio == 1.0);
  CHECK(chosen->epochs == 2);
  CHECK(chosen->importance == "taylor");
  CHECK(chosen->include == std::vector<std::string>{"layer1.*"});
  CHECK(chosen->mean == std::vector<double>{0, 0.25});
  CHECK(chosen->round);
  CHECK(chosen->names.at("a") == "b");
  CHECK(chosen->optimizer.lr == 0.1);
  CHECK(chosen->optimizer.type == "adam");  // the default inside stays
  REQUIRE(chosen->teacher);
  REQUIRE(chosen->steps.size() == 2);
  CHECK(chosen->steps[0].type == "sgd");
  CHECK(chosen->by_name.at("x").lr == 2.0);
  CHECK(chosen->extra == json::parse(R"({"any": [1]})"));
}

TEST_CASE("what is not given keeps its default, and the resolved options parse to themselves") {
  const auto chosen = options().parse(json::object());
  REQUIRE(chosen);
  const json resolved = options().to_json(*chosen);
  CHECK(resolved == options().defaults());
  CHECK(resolved["ratio"] == 0.5);
  CHECK(resolved["epochs"] == 4);
  CHECK_FALSE(resolved.contains("goal"));
  CHECK_FALSE(resolved.contains("teacher"));
  const auto again = options().parse(resolved);
  REQUIRE(again);
  CHECK(options().to_json(*again) == resolved);
  CHECK(options().parse(json::parse(R"({"goal": null, "teacher": null})")));
}

TEST_CASE("options that are wrong say where, what was expected and what was found") {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"[]", "/pipeline/2: expected an object, found a list of 0"},
      {R"({"ratio": 1.5})", "/pipeline/2/ratio: expected a number from 0 to 1, found the number 1.5"},
      {R"({"ratio": "half"})", "/pipeline/2/ratio: expected a number from 0 to 1, found the text \"half\""},
      {R"({"ratio": null})", "/pipeline/2/ratio: expected a number from 0 to 1, found null"},
      {R"({"epochs": -2.5})", "/pipeline/2/epochs: expected an integer of at least 0, found the number -2.5"},
      {R"({"epochs": 2.5})", "/pipeline/2/epochs: expected an integer of at least 0, found the number 2.5"},
      {R"({"epochs": -1})", "/pipeline/2/epochs: expected an integer of at least 0, found the number -1"},
      {R"({"epochs": 3000000000})", "/pipeline/2/epochs: expected an integer from 0 to 2147483647, found the number 3000000000"},
      {R"({"epochs": 18446744073709551615})", "/pipeline/2/epochs: expected an integer from 0 to 2147483647, found the number 18446744073709551615"},
      {R"({"goal": 0})", "/pipeline/2/goal: expected a number above 0 and at most 1, found the number 0"},
      {R"({"importance": "tailor"})", "/pipeline/2/importance: expected one of \"l1\" and \"taylor\", found the text \"tailor\"; did you mean \"taylor\"?"},
      {R"({"include": [1]})", "/pipeline/2/include/0: expected a text, found the number 1"},
      {R"({"mean": [0.5, 2]})", "/pipeline/2/mean/1: expected a number from 0 to 1, found the number 2"},
      {R"({"mean": 0.5})", "/pipeline/2/mean: expected a list of numbers from 0 to 1, found the number 0.5"},
      {R"({"round": 1})", "/pipeline/2/round: expected true or false, found the number 1"},
      {R"({"names": {"a": 1}})", "/pipeline/2/names: expected an object whose values are texts, found an object"},
      {R"({"optimizer": {"lr": 0}})", "/pipeline/2/optimizer/lr: expected a number above 0, found the number 0"},
      {R"({"optimizer": null})", "/pipeline/2/optimizer: expected an object, found null"},
      {R"({"steps": {"a": {}}})", "/pipeline/2/steps: expected a list of objects, found an object"},
      {R"({"steps": [{}, {"typ": "sgd"}]})", "/pipeline/2/steps/1/typ: unknown key; did you mean \"type\"?"},
      {R"({"by_name": {"a/b": 3}})", "/pipeline/2/by_name/a~1b: expected an object, found the number 3"},
      {R"({"ratoi": 0.1})", "/pipeline/2/ratoi: unknown key; did you mean \"ratio\"?"},
      {R"({"zzzzzz": 0.1})", "/pipeline/2/zzzzzz: unknown key; known here: ratio, epochs, importance, include, mean, goal, round, names, optimizer, teacher, steps, by_name and extra"},
      {R"({"goal": 0.5, "ratio": 0.1})", "/pipeline/2: expected either goal or ratio, found both"},
  };
  for (const auto& c : kCases) {
    const auto chosen = options().parse(json::parse(c.text), "/pipeline/2");
    REQUIRE_FALSE(chosen);
    CHECK(chosen.error().message == c.message);
    CHECK(chosen.error().cls == ErrorClass::kUsage);
  }
}

TEST_CASE("a required option must be there") {
  struct Model {
    std::string path;
  };
  const auto set = OptionSet<Model>().text("path", &Model::path, "the file").required();
  CHECK(set.parse(json::object()).error().message == "the top level: expected the key \"path\" (a text), found none");
  CHECK(set.parse({{"path", "x"}}).value().path == "x");
  CHECK(set.defaults() == json::object());
  CHECK(set.schema()["required"] == json::array({"path"}));
}

TEST_CASE("the schema says what parsing checks") {
  const json schema = options().schema();
  CHECK(schema["type"] == "object");
  CHECK(schema["additionalProperties"] == false);
  CHECK(schema["description"] == "Removes channels");
  const json& p = schema["properties"];
  CHECK(p["ratio"] == json::parse(R"({"type": "number", "minimum": 0.0, "maximum": 1.0, "default": 0.5, "description": "share that goes"})"));
  CHECK(p["epochs"] == json::parse(R"({"type": "integer", "minimum": 0.0, "default": 4, "description": "rounds over the data"})"));
  CHECK(p["goal"] == json::parse(R"({"type": ["number", "null"], "exclusiveMinimum": 0.0, "maximum": 1.0, "description": "share that remains"})"));
  CHECK(p["importance"]["enum"] == json::array({"l1", "taylor"}));
  CHECK(p["optimizer"]["properties"]["lr"]["exclusiveMinimum"] == 0.0);
  CHECK(p["steps"]["items"]["properties"].contains("type"));
  CHECK(p["by_name"]["additionalProperties"]["properties"].contains("lr"));
  CHECK(p.size() == options().table().fields().size());
}

TEST_CASE("help is a table with defaults") {
  const std::string help = options().help();
  CHECK_THAT(help, Catch::Matchers::Contains("| `ratio` | a number from 0 to 1 | `0.5` | share that goes |\n"));
  CHECK_THAT(help, Catch::Matchers::Contains("| `optimizer.lr` | a number above 0 | `0.001` | step size |\n"));
  CHECK_THAT(help, Catch::Matchers::Contains("| `epochs` | an integer of at least 0 | `4` |"));
}

TEST_CASE("a rule that names an option is told at its place") {
  static const auto set = OptionSet<Optimizer>()
                              .choice("type", &Optimizer::type, {"adam", "sgd"}, "which rule")
                              .number("lr", &Optimizer::lr, "step size", above(0))
                              .check([](const Optimizer& o) -> std::string {
                                if (o.lr > 2) return "rate: expected a number that means something";
                                return o.type == "sgd" && o.lr > 1 ? "lr: expected at most 1 under sgd" : "";
                              });
  CHECK(set.parse({{"type", "sgd"}, {"lr", 1.5}}, "/a").error().message == "/a/lr: expected at most 1 under sgd");
  CHECK(set.parse({{"lr", 3}}, "/a").error().message == "/a: rate: expected a number that means something");  // no option is called so
}
