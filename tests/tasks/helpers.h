// What the tests of tasks/ share: a data set opened from recipe text, and small files.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "tasks/readers/reader.h"
#include "tests/catch.h"

namespace fastc::test {

using Inputs = std::map<std::string, Type>;

inline Type type_of_text(DType dtype, std::vector<int64_t> sample) {
  Type type{dtype, {Dim::symbol("N")}, {}};
  for (const int64_t size : sample) type.shape.emplace_back(size);
  return type;
}

// The data set that `recipe` describes, with paths relative to `dir`.
inline Result<std::unique_ptr<Dataset>> open_text(const TempDir& dir, const std::string& recipe, const Inputs& inputs = {}) {
  return open_dataset(nlohmann::json::parse(recipe), {dir.path(), inputs, 7, "/task/train"});
}

// The message of opening it, with the folder's own name cut out.
inline std::string problem(const TempDir& dir, const std::string& recipe, const Inputs& inputs = {}) {
  const auto data = open_text(dir, recipe, inputs);
  if (data) return "";
  std::string message = data.error().message;
  const std::string folder = dir.path().string() + "/";
  for (size_t at = 0; (at = message.find(folder)) != std::string::npos;) message.erase(at, folder.size());
  return message;
}

inline void write(const TempDir& dir, const std::string& name, const std::string& bytes) {
  REQUIRE(write_atomic(dir.path() / name, bytes));
}

}  // namespace fastc::test
