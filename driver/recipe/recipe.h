// The recipe, typed and checked. Everything but `model` has a default. Every option is declared once (recipe.cc), which yields
// the checks, configs/recipe.schema.json, and the table in docs/recipe.md.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/api.h"
#include "base/options.h"
#include "base/result.h"

namespace fastc {

struct RecipeInput {
  std::vector<std::string> shape;  // sizes and symbols: ["N", "3", "32", "32"]
  std::string dtype = "float32";
};

struct RecipeModel {
  std::string path;
  std::map<std::string, RecipeInput> inputs;  // filled from the JSON by parse_recipe (shape mixes numbers and names)
};

struct RecipeEngine {
  int64_t threads = 0;  // 0: every core
};

struct RecipeTarget {
  std::string isa = "auto";
  int64_t threads = 1;  // of the latency figures in the report
  int64_t batch = 1;
  int64_t rounds = 15;  // paired rounds of original and result
};

struct AccuracyGate {
  std::optional<double> max_drop;  // of the task's metric, original minus result
  std::optional<double> min;
};
struct SizeGate {
  std::optional<double> min_ratio;  // original bytes / result bytes
  std::optional<int64_t> max_bytes;
};
struct LatencyGate {
  std::optional<double> min_speedup;
  std::optional<double> max_ms;
  int64_t batch = 1, threads = 1;
};
struct RecipeGates {
  std::optional<AccuracyGate> accuracy;
  std::optional<SizeGate> size;
  std::optional<LatencyGate> latency;
};

struct StubOptions {
  std::string verify = "auto";  // auto | always | never
};
struct RecipeEmit {
  std::vector<std::string> targets{"cpu"};
  bool stub = true;
  StubOptions stub_options;
};

// One entry of the pipeline: what the driver itself reads of it; the rest are the pass's own options.
struct Stage {
  std::string pass;
  std::string name;        // "" when the recipe gives none
  std::string keep = "always";  // always | if-faster
  std::optional<double> max_drop;  // of the task's metric, on a quantizing pass
  nlohmann::json options;  // without the keys above
  std::string pointer;     // "/pipeline/2"
};

struct Recipe {
  std::filesystem::path file, folder;  // relative paths are relative to the folder
  std::string name = "model";
  uint64_t seed = 0;
  std::filesystem::path output;
  RecipeModel model;
  RecipeEngine engine;
  RecipeTarget target;
  RecipeGates gates;
  RecipeEmit emit;
  std::optional<nlohmann::json> task;
  std::vector<Stage> pipeline;
  std::vector<std::string> plugins;
  bool tensorboard = false;
  nlohmann::json source;  // as read, after --set and ${ENV}: for provenance and cache keys

  std::filesystem::path resolve(const std::string& path) const;
};

struct RecipeOverrides {
  std::vector<std::string> set;     // "task.train.path=/data/x.bin", "pipeline.0.epochs=2"
  std::optional<std::string> output;
  std::vector<std::string> shapes;  // "x=N,3,32,32"
};

// Reads, applies overrides and ${ENV}, checks every key, type and range, and that every pass exists with valid options.
// Plugins are loaded first, so that their passes exist. Errors are kUsage and name file and JSON pointer.
FASTC_API Result<Recipe> read_recipe(const std::filesystem::path& file, const RecipeOverrides& overrides);
FASTC_API nlohmann::json recipe_schema();

}  // namespace fastc
