#include <iostream>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "driver/compress.h"

namespace fastc::cli {
namespace {

void recipe_flags(cxxopts::Options& options) {
  options.add_options()("recipe", "recipe file", cxxopts::value<std::string>())("set", "change the recipe: task.train.path=data.bin (repeatable)", cxxopts::value<std::vector<std::string>>())(
      "out", "output folder", cxxopts::value<std::string>())("shape", "an input's shape: x=N,3,32,32 (repeatable)", cxxopts::value<std::vector<std::string>>());
  options.parse_positional({"recipe"});
}

Result<Recipe> recipe_from(const Flags& flags) {
  FASTC_TRY(const std::string file, required(flags, "recipe", "a recipe file"));
  RecipeOverrides overrides;
  overrides.set = all_of(flags, "set");
  overrides.shapes = all_of(flags, "shape");
  if (flags.values.count("out")) overrides.output = flags.values["out"].as<std::string>();
  return read_recipe(file, overrides);
}

}  // namespace

Result<int> validate_command(int argc, char** argv) {
  cxxopts::Options options("fastc validate", "Checks a recipe, its model's inputs and its data, before any weight is read.");
  recipe_flags(options);
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const Recipe recipe, recipe_from(flags));
  FASTC_TRY(const Preflight found, preflight(recipe));
  for (const std::string& line : found.lines) std::cout << line << "\n";
  std::cout << "ok\n";
  return 0;
}

Result<int> compress_command(int argc, char** argv) {
  cxxopts::Options options("fastc compress", "Carries out a recipe: writes OUT/model.fastc, OUT/runtime/, OUT/report.{json,html}, OUT/summary.md.");
  recipe_flags(options);
  options.add_options()("dry-run", "preflight only")("strict", "a stage that changed nothing fails")("no-resume", "start afresh: throw away the stages and epochs of an earlier run")(
      "replay", "repeat the choices in this decisions.json", cxxopts::value<std::string>())("json", "print report.json instead of the table");
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const Recipe recipe, recipe_from(flags));
  if (flags.values.count("dry-run")) {
    FASTC_TRY(const Preflight found, preflight(recipe));
    for (const std::string& line : found.lines) std::cout << line << "\n";
    return 0;
  }
  CompressOptions chosen;
  chosen.strict = flags.values.count("strict") > 0, chosen.resume = flags.values.count("no-resume") == 0;
  if (flags.values.count("replay")) chosen.replay = flags.values["replay"].as<std::string>();
  const std::unique_ptr<Progress> progress = terminal_progress();
  FASTC_TRY(const Report report, compress(recipe, chosen, *progress));
  if (flags.values.count("json")) {
    FASTC_TRY(const std::string text, read_text(recipe.output / "report.json"));
    std::cout << text;
  } else {
    std::cout << summary_markdown(report) << "\nartifact " << (recipe.output / "model.fastc").string() << "\nreport   " << (recipe.output / "report.html").string() << "\n";
    if (report.stub.written) std::cout << "stub     " << (recipe.output / "runtime").string() << "\n";
  }
  return report.status == "gate_failed" ? 4 : 0;
}

}  // namespace fastc::cli
