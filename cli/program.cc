// inspect, passes, run-pass, schema: commands on the program itself.
#include <cstdio>
#include <iostream>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/flags.h"
#include "driver/inspect.h"
#include "driver/recipe/recipe.h"
#include "passes/pass.h"

namespace fastc::cli {

Result<int> inspect_command(int argc, char** argv) {
  cxxopts::Options options("fastc inspect", "fastc inspect MODEL [--text|--groups|--tensors]");
  options.add_options()("model", "anything importable, or IR text", cxxopts::value<std::string>())("shape", "an input's shape: x=N,3,32,32 (repeatable)", cxxopts::value<std::vector<std::string>>())(
      "text", "the IR as text")("groups", "which channels are coupled with which, through which op")("tensors", "weights: shape, dtype, encoding, range");
  options.parse_positional({"model"});
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const std::string model, required(flags, "model", "a model file"));
  const InspectView view = flags.values.count("text") ? InspectView::kText : flags.values.count("groups") ? InspectView::kGroups : flags.values.count("tensors") ? InspectView::kTensors : InspectView::kSummary;
  FASTC_TRY(const std::string text, inspect_file(model, view, all_of(flags, "shape")));
  std::cout << text;
  return 0;
}

Result<int> passes_command(int argc, char** argv) {
  cxxopts::Options options("fastc passes", "fastc passes [NAME]: lists the passes, or one with its options.");
  options.add_options()("name", "a pass", cxxopts::value<std::string>());
  options.parse_positional({"name"});
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  if (!flags.values.count("name")) {
    for (const Pass* pass : all_passes()) std::printf("%-22s %s\n", pass->traits().name.c_str(), pass->traits().summary.c_str());
    return 0;
  }
  const std::string name = flags.values["name"].as<std::string>();
  const Pass* pass = find_pass(name);
  if (!pass) return usage_error("no pass is called \"{}\"; fastc passes lists them", name);
  std::cout << name << ": " << pass->traits().summary << "\n\n" << pass->options().help();
  return 0;
}

Result<int> run_pass_command(int argc, char** argv) {
  cxxopts::Options options("fastc run-pass", "fastc run-pass NAME in.ir [--options JSON]: runs one pass on IR text and prints the result.");
  options.add_options()("name", "the pass", cxxopts::value<std::string>())("file", "IR text", cxxopts::value<std::string>())("options", "its options as JSON", cxxopts::value<std::string>()->default_value("{}"))(
      "out", "write here (with its .weights) instead of printing", cxxopts::value<std::string>())("plugin", "a shared library with passes", cxxopts::value<std::string>());
  options.parse_positional({"name", "file"});
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  FASTC_TRY(const std::string name, required(flags, "name", "a pass"));
  FASTC_TRY(const std::string file, required(flags, "file", "a file of IR text"));
  const std::string plugin = flags.values.count("plugin") ? flags.values["plugin"].as<std::string>() : "";
  const std::string out = flags.values.count("out") ? flags.values["out"].as<std::string>() : "";
  FASTC_TRY(const std::string text, run_pass_on_file(name, file, flags.values["options"].as<std::string>(), plugin, out));
  std::cout << text;
  return 0;
}

Result<int> schema_command(int argc, char** argv) {
  cxxopts::Options options("fastc schema", "Prints the recipe's JSON Schema.");
  FASTC_TRY(const Flags flags, parse_flags(options, argc, argv));
  if (flags.help) return 0;
  std::cout << recipe_schema().dump(2) << "\n";
  return 0;
}

}  // namespace fastc::cli
