// Options of all passes: whatever is wrong with one is told at its own place in the recipe, and those that name models are known as such.
#include <algorithm>

#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;
using nlohmann::json;

namespace {

// Calls visit(pointer, field) for each option, with those inside lists and maps at their first place.
template <typename Visit>
void each_option(const OptionTable& table, const std::string& pointer, const Visit& visit) {
  for (const OptionField& field : table.fields()) {
    const std::string place = pointer + "/" + field.name;
    visit(place, field);
    const std::string inside = field.kind == OptionKind::kObjects ? place + "/0" : field.kind == OptionKind::kObjectMap ? place + "/x" : place;
    if (field.table) each_option(*field.table, inside, visit);
  }
}

std::string complaint(const Pass& pass, const std::string& pointer, const json& value) {
  json options = json::object();
  if (pass.traits().name == "prune.channel" && pointer.starts_with("/train/")) options["iterations"] = 2;  // training between two portions
  options[json::json_pointer(pointer)] = value;
  const Status status = pass.check(options, "/pipeline/0");
  return status ? "" : status.error().message;
}

std::vector<json> wrong_values(const OptionField& field) {
  std::vector<json> values;
  switch (field.kind) {
    case OptionKind::kInteger: values.emplace_back(1.5); [[fallthrough]];
    case OptionKind::kNumber:
      values.emplace_back("much");
      if (field.range.low > -1e18) values.emplace_back(field.range.low - 1);
      if (field.range.high < 1e18) values.emplace_back(field.range.high + 1);
      return values;
    case OptionKind::kText: return field.choices.empty() ? std::vector<json>{3} : std::vector<json>{3, "no such choice"};
    case OptionKind::kNumbers: case OptionKind::kIntegers: return {3, json::array({"much"})};
    case OptionKind::kTexts: case OptionKind::kTextMap: return {3, json::array({3})};
    case OptionKind::kJson: return {};
    default: return {3};
  }
}

// Within the declared range, so that only a rule of the pass may refuse one.
std::vector<json> values_to_try(const OptionField& field) {
  std::vector<json> values(field.choices.begin(), field.choices.end());
  if (field.kind == OptionKind::kInteger && field.range.high - field.range.low <= 64)
    for (double v = field.range.low; v <= field.range.high; ++v) values.emplace_back(static_cast<int64_t>(v));
  if (field.kind == OptionKind::kFlag) values = {true, false};
  return values;
}

bool lies_at(const std::string& message, const std::string& pointer) {
  return message.starts_with("/pipeline/0" + pointer + ": ") || message.starts_with("/pipeline/0" + pointer + "/");
}

}  // namespace

TEST_CASE("a wrong value of any option of any pass is told at that option") {
  int tried = 0;
  for (const Pass* pass : all_passes())
    each_option(pass->options(), "", [&](const std::string& pointer, const OptionField& field) {
      for (const json& value : wrong_values(field)) {
        const std::string message = complaint(*pass, pointer, value);
        INFO(pass->traits().name << " " << pointer << " = " << value.dump() << ": " << message);
        CHECK(lies_at(message, pointer));
        ++tried;
      }
    });
  CHECK(tried > 500);
}

TEST_CASE("a choice or a number of bits that a pass refuses by a rule of its own is told at that option") {
  for (const Pass* pass : all_passes())
    each_option(pass->options(), "", [&](const std::string& pointer, const OptionField& field) {
      for (const json& value : values_to_try(field)) {
        const std::string message = complaint(*pass, pointer, value);
        INFO(pass->traits().name << " " << pointer << " = " << value.dump() << ": " << message);
        // What is wrong with an item of a list may be wrong with the list: it holds no loss that compares with the other network.
        const std::string list = pointer.substr(0, pointer.find("/0/"));
        CHECK((message.empty() || lies_at(message, pointer) || lies_at(message, list)));
      }
    });
}

TEST_CASE("rules over several options name the one to change") {
  const std::tuple<const char*, json, const char*> broken[] = {
      {"quantize.static", {{"bits", 9}}, "/bits: expected 8 or 16, found 9"},
      {"quantize.static", {{"weight_bits", 16}}, "/weight_bits: expected 2 to 8, found 16"},
      {"quantize.static", {{"bits", 16}, {"weight_bits", 16}, {"rounding", "adaround"}}, "/rounding: expected nearest for weights of 16 bits, found adaround"},
      {"quantize.weight_only", {{"bits", 5}}, "/bits: expected 8 or 4, found 5"},
      {"quantize.weight_only", {{"group_size", 3}}, "/group_size: expected an even number, found 3"},
      {"quantize.weight_only", {{"budget", {{"ratio", 0.5}}}, {"int8", {"*"}}}, "/int8: expected none beside a budget, which chooses itself"},
      {"prune.weight", {{"pattern", "2:4"}, {"ratio", 0.5}}, "/ratio: expected none beside the pattern 2:4, which says it itself, found 0.5"},
      {"prune.weight", {{"pattern", "2:4"}, {"scope", "sensitivity"}}, "/scope: expected global or layer for the pattern 2:4"},
      {"prune.weight", {{"pattern", "two"}}, "/pattern: expected \"unstructured\""},
      {"prune.weight", {{"importance", "movement"}}, "/importance: expected \"train\""},
      {"prune.weight", {{"train", {{"begin", 0.9}, {"end", 0.5}}}}, "/train/begin: expected at most \"end\", which is 0.5, found 0.9"},
      {"prune.weight", {{"train", {{"ema", 0.9}}}}, "/train/ema: expected 0 while zeros grow"},
      {"prune.weight", {{"train", {{"patience", 2}}}}, "/train/patience: expected 0 while zeros grow"},
      {"prune.channel", {{"train", json::object()}}, "/iterations: expected more than 1"},
      {"prune.channel", {{"ratio", 0.5}, {"goal", {{"flops", 0.5}}}}, ": expected \"ratio\" or \"goal\", found both"},
      {"finetune", {{"patience", 3}}, "/patience: expected \"held_out\" above 0"},
      {"finetune", {{"optimizer", {{"betas", {0.9}}}}}, "/optimizer/betas: expected two numbers, found 1"},
      {"finetune", {{"optimizer", {{"nesterov", true}, {"momentum", 0}}}}, "/optimizer/nesterov: expected a momentum above 0, found 0"},
      {"distill.single_shot", {{"teacher", json::array()}}, "/teacher: expected at least one, found none"},
      {"distill.bidirectional", {{"losses", {{{"type", "cross_entropy"}}}}}, "/losses: expected one that compares with the other network"},
  };
  for (const auto& [name, options, expected] : broken) {
    const Status status = find_pass(name)->check(options, "/pipeline/0");
    INFO(name << " " << options.dump());
    REQUIRE_FALSE(status);
    CHECK_THAT(status.error().message, Catch::Matchers::StartsWith(std::string("/pipeline/0") + expected));
  }
}

TEST_CASE("every option that takes a model file is one that preflight looks for") {
  for (const Pass* pass : all_passes()) {
    const std::vector<std::string>& known = pass->traits().models;
    std::vector<std::string> found;
    each_option(pass->options(), "", [&](const std::string& pointer, const OptionField& field) {
      const bool text = field.kind == OptionKind::kText || field.kind == OptionKind::kTexts;
      if (text && field.help.find("model file") != std::string::npos) found.push_back(pointer);
    });
    INFO(pass->traits().name);
    CHECK(std::is_permutation(found.begin(), found.end(), known.begin(), known.end()));
  }
}
