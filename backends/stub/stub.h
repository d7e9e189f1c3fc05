// OUT/runtime/: a project of its own that builds with a C++ compiler and CMake alone: the runtime's sources (embedded in fastc
// when it is built), a typed header for this model, the runner, and tests with recorded outputs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "ir/tensor.h"

namespace fastc {

struct StubValue {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // -1 where symbolic
  Tensor recorded;             // an input given to the artifact, or what it answered
};
struct StubModel {
  std::string name;  // the recipe's
  std::filesystem::path artifact;
  std::vector<StubValue> inputs, outputs;
  bool cuda = false;  // asked for: the build turns FASTC_CUDA on, and says what is not there yet
};

// Writes the whole folder (replacing an earlier one file by file).
FASTC_API Status write_stub(const std::filesystem::path& folder, const StubModel& model);

// Builds and tests the stub in a temporary folder. verify: "never", "auto" (where cmake and a compiler are found), "always" (else an
// error). Returns the verdict, a sentence; a stub that does not build or whose tests fail is a kStage error.
FASTC_API Result<std::string> verify_stub(const std::filesystem::path& folder, const std::string& verify);

}  // namespace fastc
