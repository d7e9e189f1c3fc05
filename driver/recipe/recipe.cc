#include "driver/recipe/recipe.h"

#include <set>

#include "base/json.h"
#include "driver/pipeline/within_drop.h"
#include "driver/plugins.h"
#include "driver/recipe/overrides.h"
#include "driver/recipe/top.h"
#include "passes/pass.h"

namespace fastc {
namespace {

using nlohmann::json;

// The top level as JSON has it; Recipe is made from it.
struct Top {
  std::string schema, name = "model", output = "out";
  int64_t version = 1, seed = 0;
  json model, task, emit_stub;
  RecipeEngine engine;
  RecipeTarget target;
  RecipeGates gates;
  struct Emit {
    std::vector<std::string> targets{"cpu"};
    json stub = true;
  } emit;
  json pipeline = json::array();
  std::vector<std::string> plugins;
  bool tensorboard = false;
};

const OptionSet<RecipeEngine>& engine_options() {
  static const auto set = OptionSet<RecipeEngine>("How fastc itself computes").integer("threads", &RecipeEngine::threads, "threads of calibration and training; 0: every core", range(0, 1024));
  return set;
}

const OptionSet<RecipeTarget>& target_options() {
  static const auto set = OptionSet<RecipeTarget>("What the result is measured on")
                              .choice("isa", &RecipeTarget::isa, {"auto", "generic", "avx2", "avx512", "avx512_vnni", "amx", "neon"}, "instruction set of the measurements; auto: the best this CPU has")
                              .integer("threads", &RecipeTarget::threads, "threads of the latency figures", range(1, 1024))
                              .integer("batch", &RecipeTarget::batch, "batch of the latency figures", range(1, 65536))
                              .integer("rounds", &RecipeTarget::rounds, "paired rounds of original and result", range(3, 1000));
  return set;
}

const OptionSet<RecipeGates>& gate_options() {
  static const auto accuracy = OptionSet<AccuracyGate>("On the task's metric")
                                   .number("max_drop", &AccuracyGate::max_drop, "largest loss allowed, original minus result", range(0, 1))
                                   .number("min", &AccuracyGate::min, "smallest value allowed");
  static const auto size = OptionSet<SizeGate>("On the artifact file")
                               .number("min_ratio", &SizeGate::min_ratio, "original bytes over result bytes, at least", above(0))
                               .integer("max_bytes", &SizeGate::max_bytes, "bytes of the result, at most", at_least(1));
  static const auto latency = OptionSet<LatencyGate>("On paired runs of original and result")
                                  .number("min_speedup", &LatencyGate::min_speedup, "median of the paired ratios, at least", above(0))
                                  .number("max_ms", &LatencyGate::max_ms, "median milliseconds of the result, at most", above(0))
                                  .integer("batch", &LatencyGate::batch, "batch", range(1, 65536))
                                  .integer("threads", &LatencyGate::threads, "threads", range(1, 1024));
  static const auto set = OptionSet<RecipeGates>("Limits that decide the exit code")
                              .object("accuracy", &RecipeGates::accuracy, accuracy, "limits on the metric")
                              .object("size", &RecipeGates::size, size, "limits on the file")
                              .object("latency", &RecipeGates::latency, latency, "limits on the time");
  return set;
}

const OptionSet<Top::Emit>& emit_options() {
  static const auto set = OptionSet<Top::Emit>("What is written beside the artifact")
                              .texts("targets", &Top::Emit::targets, "back ends the stub is built for", {"cpu", "cuda"})
                              .json("stub", &Top::Emit::stub, "true, false, or {\"verify\": \"auto\" | \"always\" | \"never\"}");
  return set;
}

const OptionSet<Top>& top_options() {
  static const auto set = OptionSet<Top>("A fastc recipe")
                              .text("$schema", &Top::schema, "where the JSON Schema lies, for editors")
                              .integer("version", &Top::version, "version of the recipe's format", range(1, 1))
                              .text("name", &Top::name, "what the result is called")
                              .integer("seed", &Top::seed, "every stage draws its randomness from hash(seed, stage)", range(0, 9007199254740991.0))
                              .text("output", &Top::output, "folder for artifact, stub and report")
                              .object("engine", &Top::engine, engine_options(), "how fastc itself computes")
                              .object("target", &Top::target, target_options(), "what the result is measured on")
                              .json("model", &Top::model, "{\"path\": …, \"inputs\": {NAME: {\"shape\": [\"N\", 3, 32, 32], \"dtype\": \"float32\"}}}")
                              .required()
                              .json("task", &Top::task, "data and metric: see the task's own table; absent: fidelity on random inputs")
                              .json("pipeline", &Top::pipeline, "list of {\"pass\": NAME, …that pass's options…}")
                              .object("gates", &Top::gates, gate_options(), "limits that decide the exit code")
                              .object("emit", &Top::emit, emit_options(), "what is written beside the artifact")
                              .texts("plugins", &Top::plugins, "shared libraries with passes of your own")
                              .flag("tensorboard", &Top::tensorboard, "write each stage's curves to OUT/tensorboard, while it trains");
  return set;
}

tl::unexpected<Error> wrong(std::string_view pointer, std::string_view expected, const json& found) {
  return usage_error("{}: expected {}, found {}", json_place(pointer), expected, json_found(found));
}

Result<RecipeInput> parse_input(const json& value, const std::string& pointer) {
  if (!value.is_object()) return wrong(pointer, "an object like {\"shape\": [\"N\", 3, 32, 32]}", value);
  RecipeInput spec;
  for (const auto& [key, member] : value.items()) {
    const std::string place = json_child(pointer, key);
    if (key == "dtype") {
      if (!member.is_string()) return wrong(place, "a name like \"float32\"", member);
      spec.dtype = member.get<std::string>();
    } else if (key == "shape") {
      if (!member.is_array()) return wrong(place, "a list of sizes and symbols", member);
      for (size_t i = 0; i < member.size(); ++i) {
        if (member[i].is_number_unsigned()) spec.shape.push_back(std::to_string(member[i].get<uint64_t>()));
        else if (member[i].is_string()) spec.shape.push_back(member[i].get<std::string>());
        else return wrong(json_child(place, i), "a size like 32 or a symbol like \"N\"", member[i]);
      }
    } else {
      return usage_error("{}: unknown key; an input has \"shape\" and \"dtype\"", json_place(place));
    }
  }
  return spec;
}

Result<RecipeModel> parse_model(const json& value) {
  if (!value.is_object()) return wrong("/model", "an object with \"path\"", value);
  RecipeModel model;
  for (const auto& [key, member] : value.items()) {
    const std::string place = json_child("/model", key);
    if (key == "path") {
      if (!member.is_string()) return wrong(place, "a path", member);
      model.path = member.get<std::string>();
    } else if (key == "inputs") {
      if (!member.is_object()) return wrong(place, "an object from input name to shape and dtype", member);
      for (const auto& [name, spec] : member.items()) {
        FASTC_TRY(model.inputs[name], parse_input(spec, json_child(place, name)));
      }
    } else {
      return usage_error("{}: unknown key; model has \"path\" and \"inputs\"", json_place(place));
    }
  }
  if (model.path.empty()) return usage_error("/model/path: expected the model file's path, found nothing");
  return model;
}

Result<Stage> parse_stage(const json& value, std::string pointer) {
  if (!value.is_object() || !value.contains("pass") || !value["pass"].is_string()) return wrong(pointer, "an object with \"pass\": NAME", value);
  Stage stage{value["pass"].get<std::string>(), "", "always", {}, value, pointer};
  stage.options.erase("pass");
  for (const auto& [key, member] : {std::pair{"name", &stage.name}, std::pair{"keep", &stage.keep}}) {
    if (!value.contains(key)) continue;
    if (!value[key].is_string()) return wrong(json_child(pointer, key), "a text", value[key]);
    *member = value[key].get<std::string>();
    stage.options.erase(key);
  }
  if (stage.keep != "always" && stage.keep != "if-faster") return wrong(json_child(pointer, "keep"), "\"always\" or \"if-faster\"", value["keep"]);
  const Pass* pass = find_pass(stage.pass);
  if (!pass) {
    std::string known;
    for (const Pass* p : all_passes()) known += (known.empty() ? "" : ", ") + p->traits().name;
    return usage_error("{}: no pass is called \"{}\"; there are: {}", json_child(pointer, "pass"), stage.pass, known);
  }
  if (value.contains("max_drop")) {
    if (!value["max_drop"].is_number() || value["max_drop"].get<double>() < 0) return wrong(json_child(pointer, "max_drop"), "a number of at least 0", value["max_drop"]);
    if (!can_hold_drop(*pass)) return usage_error("{}: {} is no quantizing pass that can leave layers out", json_child(pointer, "max_drop"), stage.pass);
    stage.max_drop = value["max_drop"].get<double>();
    stage.options.erase("max_drop");
  }
  FASTC_CHECK(pass->check(stage.options, pointer));
  return stage;
}

Result<std::vector<Stage>> parse_pipeline(const json& value) {
  if (!value.is_array()) return wrong("/pipeline", "a list of stages", value);
  std::vector<Stage> stages;
  std::set<std::string> names;
  for (size_t i = 0; i < value.size(); ++i) {
    FASTC_TRY(Stage stage, parse_stage(value[i], json_child("/pipeline", i)));
    if (!stage.name.empty() && !names.insert(stage.name).second)
      return usage_error("{}: two stages are called \"{}\"", json_child(stage.pointer, "name"), stage.name);
    stages.push_back(std::move(stage));
  }
  return stages;
}

Status parse_emit(const Top::Emit& top, RecipeEmit& emit) {
  emit.targets = top.targets;
  if (top.stub.is_boolean()) {
    emit.stub = top.stub.get<bool>();
    return {};
  }
  static const auto options = OptionSet<StubOptions>("How the stub is checked")
                                  .choice("verify", &StubOptions::verify, {"auto", "always", "never"}, "build and run the stub's tests; auto: where cmake and a compiler are found");
  FASTC_TRY(emit.stub_options, options.parse(top.stub, "/emit/stub"));
  return {};
}

}  // namespace

const OptionTable& recipe_top_table() { return top_options().table(); }

std::filesystem::path Recipe::resolve(const std::string& path) const {
  const std::filesystem::path p(path);
  return p.is_absolute() ? p : (folder / p).lexically_normal();
}

Result<Recipe> read_recipe(const std::filesystem::path& file, const RecipeOverrides& overrides) {
  FASTC_TRY(json source, read_json(file, ErrorClass::kUsage));
  FASTC_CHECK(apply_overrides(source, overrides));
  Result<Top> parsed = top_options().parse(source, "");
  if (!parsed) return at(file.string(), parsed.error());
  const Top& top = *parsed;

  Recipe recipe;
  recipe.file = file;
  recipe.folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  recipe.name = top.name, recipe.seed = static_cast<uint64_t>(top.seed);
  // --out is relative to where the command runs, as every flag; the recipe's own is relative to the recipe.
  recipe.output = overrides.output ? std::filesystem::path(*overrides.output) : recipe.resolve(top.output);
  recipe.engine = top.engine, recipe.target = top.target, recipe.gates = top.gates;
  recipe.plugins = top.plugins, recipe.tensorboard = top.tensorboard;
  const auto rest = [&]() -> Status {
    for (const std::string& plugin : recipe.plugins) FASTC_CHECK(load_plugin(recipe.resolve(plugin)));
    FASTC_TRY(recipe.model, parse_model(top.model));
    FASTC_TRY(recipe.pipeline, parse_pipeline(top.pipeline));
    return parse_emit(top.emit, recipe.emit);
  };
  if (Status status = rest(); !status) return at(file.string(), status.error());
  if (!top.task.is_null()) recipe.task = top.task;
  recipe.source = std::move(source);
  return recipe;
}

}  // namespace fastc
