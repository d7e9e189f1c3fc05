#include "driver/recipe/overrides.h"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace fastc {
namespace {

using nlohmann::json;

Result<std::string> expand_environment(const std::string& text, const std::string& pointer) {
  std::string out;
  size_t at = 0;
  while (true) {
    const size_t open = text.find("${", at);
    const size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) return out + text.substr(at);
    const std::string name = text.substr(open + 2, close - open - 2);
    const char* value = std::getenv(name.c_str());
    if (!value) return usage_error("{}: the environment variable {} is not set", json_place(pointer), name);
    out += text.substr(at, open - at) + value;
    at = close + 1;
  }
}

Status expand_all(json& value, const std::string& pointer) {
  if (value.is_string()) {
    FASTC_TRY(value, expand_environment(value.get<std::string>(), pointer));
  } else if (value.is_object()) {
    for (auto& [key, member] : value.items()) FASTC_CHECK(expand_all(member, json_child(pointer, key)));
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) FASTC_CHECK(expand_all(value[i], json_child(pointer, i)));
  }
  return {};
}

Result<json*> descend(json& from, const std::string& key, const std::string& assignment) {
  if (from.is_array()) {
    const bool number = !key.empty() && key.size() < 7 && key.find_first_not_of("0123456789") == std::string::npos;
    if (!number || std::stoul(key) >= from.size())
      return usage_error("--set {}: expected an index from 0 to {}, found \"{}\"", assignment, static_cast<int64_t>(from.size()) - 1, key);
    return &from[std::stoul(key)];
  }
  if (!from.is_object()) return usage_error("--set {}: \"{}\" lies in something that is no object and no list", assignment, key);
  return &from[key];
}

Status set_one(json& recipe, const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) return usage_error("--set {}: expected key.path=value", assignment);
  const std::string text = assignment.substr(equals + 1);
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) value = text;
  json* place = &recipe;
  std::string path = assignment.substr(0, equals);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    FASTC_TRY(place, descend(*place, path.substr(begin, dot - begin), assignment));
    if (place->is_null() && dot < path.size()) *place = json::object();
    begin = dot + 1;
  }
  *place = std::move(value);
  return {};
}

// x=N,3,32,32
Status set_shape(json& recipe, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return usage_error("--shape {}: expected NAME=N,3,32,32", text);
  json shape = json::array();
  for (size_t begin = equals + 1; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string size = text.substr(begin, comma - begin);
    if (!size.empty() && size.size() < 19 && size.find_first_not_of("0123456789") == std::string::npos) shape.push_back(std::stoull(size));
    else shape.push_back(size);
    begin = comma + 1;
  }
  recipe["model"]["inputs"][text.substr(0, equals)]["shape"] = std::move(shape);
  return {};
}

}  // namespace

Status apply_overrides(json& recipe, const RecipeOverrides& overrides) {
  if (!recipe.is_object()) return usage_error("expected a recipe (a JSON object), found {}", json_found(recipe));
  for (const std::string& assignment : overrides.set) FASTC_CHECK(set_one(recipe, assignment));
  for (const std::string& shape : overrides.shapes) FASTC_CHECK(set_shape(recipe, shape));
  return expand_all(recipe, "");
}

}  // namespace fastc
