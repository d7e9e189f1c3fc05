// The runtime's sources inside fastc are those of the tree, and their hash is the one that the built runtime says.
#include "backends/stub/embedded.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/catch.h"

extern "C" const char* fastc_rt_source_hash(void);

using fastc::embedded_runtime;

TEST_CASE("the embedded runtime holds every file byte for byte") {
  size_t on_disk = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(fastc::test::source_path("backends/runtime"))) {
    if (entry.is_regular_file()) ++on_disk;
  }
  REQUIRE(embedded_runtime().size() == on_disk);
  for (const auto& file : embedded_runtime()) {
    std::ifstream in(fastc::test::source_path("backends/runtime") / file.path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    INFO(file.path);
    CHECK((file.data == bytes));
  }
}

TEST_CASE("the embedded files are sorted, and the build rules are among them") {
  const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
  CHECK(std::is_sorted(embedded_runtime().begin(), embedded_runtime().end(), by_path));
  const auto is_build_file = [](const auto& file) { return file.path == "CMakeLists.txt"; };
  CHECK(std::any_of(embedded_runtime().begin(), embedded_runtime().end(), is_build_file));
}

TEST_CASE("runner and stub carry the same source hash") {
  CHECK(fastc::embedded_runtime_source_hash().size() == 64);
  CHECK(fastc::embedded_runtime_source_hash() == fastc_rt_source_hash());
}
