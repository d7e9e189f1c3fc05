#include "backends/stub/stub.h"

#include <unistd.h>

#include <cstdlib>

#include "backends/stub/embedded.h"
#include "backends/stub/header.h"
#include "base/files.h"
#include "base/npy.h"
#include "base/process.h"

namespace fastc {
namespace {

constexpr int kBuildSeconds = 600;

Status record(const std::filesystem::path& folder, std::string_view kind, const StubValue& value) {
  const Tensor t = value.recorded.to_contiguous();
  const auto bytes = std::span(static_cast<const std::byte*>(t.raw()), t.bytes());
  FASTC_TRY(const std::string_view descr, npy_descr(t.dtype()));
  return write_npy(folder / fmt::format("{}_{}.npy", kind, value.name), make_npy(descr, t.shape(), bytes));
}

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (std::string rest = path ? path : ""; !rest.empty();) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    if (access((rest.substr(0, colon) + "/" + program).c_str(), X_OK) == 0) return true;
    rest.erase(0, colon + 1);
  }
  return false;
}

// What a build needs and PATH does not have, or "".
std::string missing_tool() {
  if (!on_path("cmake")) return "no cmake";
  if (!on_path("c++") && !on_path("g++") && !on_path("clang++") && !std::getenv("CXX")) return "no compiler";
  return on_path("make") || on_path("ninja") ? "" : "neither make nor ninja";
}

std::string tail(const std::string& text) { return text.size() > 1500 ? "…" + text.substr(text.size() - 1500) : text; }

}  // namespace

Status write_stub(const std::filesystem::path& folder, const StubModel& model) {
  FASTC_CHECK(make_folders(folder / "tests"));
  for (const EmbeddedFile& file : embedded_runtime()) {
    const std::filesystem::path path = folder / "runtime" / file.path;
    FASTC_CHECK(make_folders(path.parent_path()));
    FASTC_CHECK(write_atomic(path, file.data));
  }
  FASTC_TRY(const auto artifact, MappedFile::open(model.artifact));
  FASTC_CHECK(write_atomic(folder / "model.fastc", artifact->bytes()));
  FASTC_CHECK(write_atomic(folder / (cpp_identifier(model.name) + ".hpp"), typed_header(model)));
  FASTC_CHECK(write_atomic(folder / "CMakeLists.txt", stub_cmake(model)));
  FASTC_CHECK(write_atomic(folder / "example.cc", stub_example(model)));
  FASTC_CHECK(write_atomic(folder / "README.md", stub_readme(model, embedded_runtime_source_hash())));
  for (const StubValue& value : model.inputs) FASTC_CHECK(record(folder / "tests", "input", value));
  for (const StubValue& value : model.outputs) FASTC_CHECK(record(folder / "tests", "output", value));
  return {};
}

Result<std::string> verify_stub(const std::filesystem::path& folder, const std::string& verify) {
  if (verify == "never") return std::string("not built: the recipe says so");
  if (const std::string why = missing_tool(); !why.empty()) {
    if (verify == "always") return stage_error("the stub could not be built: {}", why);
    return "not built: " + why;
  }
  FASTC_TRY(const TempDir build, TempDir::make("fastc-stub"));
  const std::string source = folder.string(), binary = build.path().string();
  std::vector<std::vector<std::string>> steps = {
      {"cmake", "-S", source, "-B", binary}, {"cmake", "--build", binary, "-j2"}, {"ctest", "--test-dir", binary, "--output-on-failure"}};
  if (!on_path("make")) steps[0].insert(steps[0].end(), {"-G", "Ninja"});
  for (const auto& step : steps) {
    FASTC_TRY(const Finished finished, run_to_end(step, kBuildSeconds));
    if (finished.status != 0) return stage_error("the stub failed at `{} {}`: {}", step[0], step[1], tail(finished.output));
  }
  return std::string("built, tests passed");
}

}  // namespace fastc
