// TorchScript files (torch.jit.trace or torch.jit.script, then save): LibTorch loads them, and the method graphs are walked as a program
// would run, with sizes as symbols. Module calls are followed, so that every op knows the module it stands in; nothing is frozen or
// folded (training wants batch norm). Branches and loops must be decided by what is known at import.
#pragma once

#include <filesystem>

#include "base/zip.h"
#include "frontends/frontend.h"

namespace fastc::torchscript {

bool recognizes(const ZipReader& zip);
Result<std::vector<InputInfo>> inputs(const std::filesystem::path& path, const ZipReader& zip);
Result<Module> import(const std::filesystem::path& path, const ZipReader& zip, const ImportOptions& options);

// What torch.jit.trace notes of the tensors it was run with: types and sizes, no data. Empty when the file has no such note.
struct TracedInput {
  std::optional<DType> dtype;
  std::vector<int64_t> sizes;
};
std::vector<TracedInput> traced_inputs(const ZipReader& zip);

}  // namespace fastc::torchscript
