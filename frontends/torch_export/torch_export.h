// torch.export archives (.pt2, written by torch.export.save of PyTorch 2.8 and later), read without LibTorch's help: a zip with
//
//   NAME/models/model.json                          the graph (torch/_export/serde/schema.py; majors up to kSchemaMajor are read)
//   NAME/data/weights/model_weights_config.json     weight name → file, type, sizes, strides, offset (several names may share a file)
//   NAME/data/weights/weight_0 …                    raw storages
//   NAME/data/constants/model_constants_config.json the same for buffers that are not in the state dict
//
// Weights are views into the mapped file. Every offset and size is checked before use.
#pragma once

#include <filesystem>

#include "base/zip.h"
#include "frontends/frontend.h"

namespace fastc::torch_export {

inline constexpr int64_t kSchemaMajor = 8;

bool recognizes(const ZipReader& zip);
// A sentence when this is a relative of the format that cannot be read (the layout before PyTorch 2.8, AOTInductor packages), else "".
std::string relative_of(const ZipReader& zip);
Result<std::vector<InputInfo>> inputs(const std::filesystem::path& path, const ZipReader& zip);
Result<Module> import(const std::filesystem::path& path, const ZipReader& zip, const ImportOptions& options);

}  // namespace fastc::torch_export
