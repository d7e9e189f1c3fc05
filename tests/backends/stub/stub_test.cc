#include "backends/stub/stub.h"

#include "base/files.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

// The written CMakeLists.txt of a stub; the artifact's bytes do not matter to it.
std::string written_cmake(bool cuda) {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  REQUIRE(write_atomic(folder->path() / "m.fastc", std::string_view("bytes")));
  const StubValue value{"x", DType::kF32, {1, 2}, Tensor::zeros(DType::kF32, {1, 2})};
  StubModel model{"small net", folder->path() / "m.fastc", {value}, {value}};
  model.cuda = cuda;
  REQUIRE(write_stub(folder->path() / "runtime", model));
  const auto file = MappedFile::open(folder->path() / "runtime" / "CMakeLists.txt");
  REQUIRE(file);
  return {reinterpret_cast<const char*>((*file)->bytes().data()), (*file)->bytes().size()};
}

}  // namespace

TEST_CASE("a stub asked for CUDA turns it on, so that the runtime's build says what is not there yet") {
  CHECK(written_cmake(true).find("option(FASTC_CUDA \"Build the CUDA back end of the runtime\" ON)") != std::string::npos);
  CHECK(written_cmake(false).find("option(FASTC_CUDA \"Build the CUDA back end of the runtime\" OFF)") != std::string::npos);
}
