// NAME.weights: the tensors of a module's text that are too large to be literals, found by their hash.
//
//   "FASTCWTS" | u64 version = 1 | u64 count | count × {u8 sha256[32], u64 offset, u64 bytes} | data, each 64-byte
//   aligned
//
// Little-endian; offsets are from the file's start. Entries are sorted by hash, so the same weights give the same file.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "ir/tensor.h"

namespace fastc {

class MappedFile;

std::string tensor_hash(const Tensor& tensor);  // 64 hex digits of its dense bytes

// Written atomically. Keys are tensor_hash() of the values.
Status write_sidecar(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors);

// Opened once; tensors are views of the mapped file.
class Sidecar {
 public:
  static Result<Sidecar> open(const std::filesystem::path& path);
  // Checks length and hash of the bytes. `shape` has been through checked_elements().
  Result<Tensor> tensor(const std::string& hash, DType dtype, const std::vector<int64_t>& shape) const;

 private:
  std::shared_ptr<MappedFile> file_;
  std::map<std::string, std::span<const std::byte>> entries_;
};

}  // namespace fastc
