// JSON from people and files: size and depth bounded, duplicate keys refused, errors with line and column.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/api.h"
#include "base/result.h"

namespace fastc {

struct JsonLimits {
  size_t max_bytes = size_t{64} << 20;
  size_t max_depth = 64;  // nlohmann's parser is iterative, but what walks the value afterwards is not
};

// `what` opens every message ("recipe.json", "model.json in x.pt2"); cls is kUsage for recipes, kInput for models and data.
// Example: "recipe.json, line 3, column 14: expected ',' or '}', found 'x'".
FASTC_API Result<nlohmann::json> parse_json(std::string_view text, std::string_view what,
                                            ErrorClass cls = ErrorClass::kInput, JsonLimits limits = {});
FASTC_API Result<nlohmann::json> read_json(const std::filesystem::path& path, ErrorClass cls = ErrorClass::kInput,
                                           JsonLimits limits = {});

// JSON pointers (RFC 6901) for messages: child("/pipeline", 2) = "/pipeline/2"; keys are escaped.
FASTC_API std::string json_child(std::string_view pointer, std::string_view key);
FASTC_API std::string json_child(std::string_view pointer, size_t index);
// "the number 1.5", "the text \"l2\"", "a list", "an object", "null": what a message says was found. Long texts are cut.
FASTC_API std::string json_found(const nlohmann::json& value);
// How a pointer reads at the start of a message: "the top level" stands for the root pointer "".
FASTC_API std::string json_place(std::string_view pointer);

}  // namespace fastc
