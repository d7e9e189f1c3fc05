// The test framework, whichever Catch2 the machine has (Debian 12: version 2, later: version 3), and where tests find
// files.
#pragma once

#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
#endif

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

namespace fastc::test {

// A file of the repository, such as "tests/fixtures/tiny.pt".
std::filesystem::path source_path(const std::string& relative);

// A built program, such as "fastc" or "fastc-runner".
std::filesystem::path built_path(const std::string& relative);

// A file under FASTC_TEST_DATA (real models and data sets, not part of the repository). Empty, after saying
// "skipped: …", where the variable is unset or the file is not there: the test then returns, and passes.
inline std::optional<std::filesystem::path> test_data(const std::string& relative) {
  const char* root = std::getenv("FASTC_TEST_DATA");
  if (root == nullptr || *root == '\0') {
    std::cout << "skipped: " << relative << " needs FASTC_TEST_DATA\n";
    return std::nullopt;
  }
  std::filesystem::path path = std::filesystem::path(root) / relative;
  if (!std::filesystem::exists(path)) {
    std::cout << "skipped: " << path.string() << " is not there\n";
    return std::nullopt;
  }
  return path;
}

}  // namespace fastc::test
