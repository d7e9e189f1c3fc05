#include "driver/pipeline/named_models.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "passes/pass.h"

namespace fastc {
namespace {

using nlohmann::json;

// Symbols are each model's own, and a shape that no file says is empty.
bool agree(const Type& a, const Type& b) {
  if (a.shape.empty() || b.shape.empty()) return true;
  if (a.dtype != b.dtype || a.rank() != b.rank()) return false;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (a.shape[i].is_constant() && b.shape[i].is_constant() && !(a.shape[i] == b.shape[i])) return false;
  return true;
}

Status check_file(const Recipe& recipe, const std::string& name, const InputTypes& inputs) {
  FASTC_TRY(const InputTypes found, known_inputs(recipe, recipe.resolve(name)));
  if (found.size() != inputs.size())
    return usage_error("{} takes {} input{} and the network {}; name a model with the network's inputs", name, found.size(), found.size() == 1 ? "" : "s", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!agree(found[i].second, inputs[i].second))
      return usage_error("{} takes {} as input {} and the network {}; name a model with the network's inputs", name, type_text(found[i].second), inputs[i].first, type_text(inputs[i].second));
  return {};
}

Status check_name(const Recipe& recipe, const std::string& name, const std::set<std::string>& earlier, const InputTypes& inputs) {
  if (name.empty() || name == "original") return {};
  if (!name.starts_with("stage:")) return check_file(recipe, name, inputs);
  if (earlier.contains(name.substr(6))) return {};
  return usage_error("no earlier stage is called \"{}\"; named stages before this one: {}", name.substr(6), earlier.empty() ? "none" : fmt::format("{}", fmt::join(earlier, ", ")));
}

}  // namespace

Status check_named_models(const Recipe& recipe, const InputTypes& inputs) {
  std::set<std::string> earlier;
  for (const Stage& stage : recipe.pipeline) {
    for (const std::string& option : find_pass(stage.pass)->traits().models) {
      const json::json_pointer pointer(option);
      if (!stage.options.contains(pointer)) continue;  // its default is not a file
      const json value = stage.options.at(pointer);
      for (size_t i = 0; i < (value.is_array() ? value.size() : 1); ++i) {
        const json& name = value.is_array() ? value[i] : value;
        const std::string place = stage.pointer + option + (value.is_array() ? fmt::format("/{}", i) : "");
        if (Status status = check_name(recipe, name.get<std::string>(), earlier, inputs); !status) return at(place, status.error());
      }
    }
    if (!stage.name.empty()) earlier.insert(stage.name);
  }
  return {};
}

}  // namespace fastc
