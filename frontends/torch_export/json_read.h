// Checked reading of parsed JSON: nothing here throws, whatever the file holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/result.h"

namespace fastc::torch_export {

// The member, or null when there is none or `object` is no object.
inline const nlohmann::json* member(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

inline bool flag_member(const nlohmann::json& object, const char* key) {
  const nlohmann::json* v = member(object, key);
  return v && v->is_boolean() && v->get<bool>();
}

inline Result<std::string> string_member(const nlohmann::json& object, const char* key) {
  const nlohmann::json* v = member(object, key);
  if (!v || !v->is_string()) return input_error("expected a text \"{}\"", key);
  return v->get<std::string>();
}

inline Result<int64_t> integer(const nlohmann::json& v) {
  if (!v.is_number_integer() || (v.is_number_unsigned() && v.get<uint64_t>() > uint64_t{INT64_MAX})) return input_error("expected an integer, found {}", json_found(v));
  return v.get<int64_t>();
}

// {"as_int": 3}, not negative.
inline Result<int64_t> fixed_size(const nlohmann::json& v) {
  const nlohmann::json* n = member(v, "as_int");
  if (!n) return input_error("expected a fixed size, found {}", json_found(v));
  FASTC_TRY(int64_t size, integer(*n));
  if (size < 0) return input_error("a size of {}", size);
  return size;
}

inline Result<std::vector<int64_t>> fixed_sizes(const nlohmann::json& object, const char* key) {
  const nlohmann::json* list = member(object, key);
  if (!list || !list->is_array()) return input_error("expected a list \"{}\"", key);
  std::vector<int64_t> sizes;
  for (const auto& item : *list) {
    FASTC_TRY(int64_t size, fixed_size(item));
    sizes.push_back(size);
  }
  return sizes;
}

}  // namespace fastc::torch_export
