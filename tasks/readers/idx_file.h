// One IDX file (MNIST's format), plain or gzipped: big-endian magic 0, 0, element type, rank; then the sizes; then the bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "base/zip.h"

namespace fastc {

struct IdxFile {
  std::vector<int64_t> shape;
  SharedBytes data;  // unsigned bytes; a plain file's lie in its mapping, a gzipped one's in memory
};

// Fails on other element types than unsigned bytes, on a wrong rank (0: any), and when the data is shorter or longer than the sizes say.
Result<IdxFile> read_idx(const std::filesystem::path& path, size_t rank);

}  // namespace fastc
