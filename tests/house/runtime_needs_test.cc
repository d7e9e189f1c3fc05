// What the runtime costs its user: a small library that needs nothing but the C and C++ libraries.
#include <array>
#include <cstdio>
#include <set>
#include <sstream>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

const std::set<std::string> kAllowed = {"libc.so.6",
                                        "libm.so.6",
                                        "libstdc++.so.6",
                                        "libpthread.so.0",
                                        "ld-linux-x86-64.so.2",
                                        "ld-linux-aarch64.so.1"};
constexpr uintmax_t kLargestRuntime = 1700 * 1000;  // bytes, stripped

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> chunk;
  while (const size_t n = fread(chunk.data(), 1, chunk.size(), pipe)) text.append(chunk.data(), n);
  REQUIRE(pclose(pipe) == 0);
  return text;
}

// The names on readelf's NEEDED lines: "… (NEEDED)  Shared library: [libm.so.6]".
std::set<std::string> needed(const fs::path& binary) {
  std::set<std::string> names;
  std::istringstream lines(output_of("readelf -d '" + binary.string() + "'"));
  for (std::string line; std::getline(lines, line);) {
    const size_t open = line.find('['), close = line.find(']');
    if (line.find("(NEEDED)") != std::string::npos && open != std::string::npos && close != std::string::npos) {
      names.insert(line.substr(open + 1, close - open - 1));
    }
  }
  return names;
}

void check_needs(const fs::path& binary) {
  const auto names = needed(binary);
  CHECK(names.count("libc.so.6") == 1);  // else readelf's output was not understood
  for (const auto& name : names) {
    INFO(binary.string() << " needs " << name);
    CHECK(kAllowed.count(name) == 1);
  }
}

}  // namespace

TEST_CASE("libfastc_runtime needs libc, libm, libstdc++ and threads only") {
  check_needs(FASTC_RUNTIME_LIBRARY);
}

#ifdef FASTC_RUNNER
TEST_CASE("fastc-runner needs libc, libm, libstdc++ and threads only") { check_needs(FASTC_RUNNER); }
#endif

TEST_CASE("the stripped runtime library stays under 1.7 MB") {
  const fs::path stripped = fastc::test::built_path("stripped_runtime.so");
  output_of("strip -o '" + stripped.string() + "' '" FASTC_RUNTIME_LIBRARY "'");
  const uintmax_t bytes = fs::file_size(stripped);
  fs::remove(stripped);
  std::cout << "stripped runtime library: " << bytes << " bytes\n";
  CHECK(bytes > 5000);
  CHECK(bytes < kLargestRuntime);
}
