// Files: read-only mappings, bounded reads, atomic writes. Errors are kInput and name the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/api.h"
#include "base/result.h"

namespace fastc {

// The bytes of a regular file, mapped read-only. Pages are read when touched, so opening a 10 GB file costs nothing.
// A file that another program truncates while it is mapped ends the process (SIGBUS), as with every mapping.
class FASTC_API MappedFile {
 public:
  // Fails when the path does not exist, is no regular file, or cannot be read. An empty file gives an empty span.
  static Result<std::shared_ptr<MappedFile>> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile() = default;
  void* data_ = nullptr;
  size_t size_ = 0;
  std::filesystem::path path_;
};

inline constexpr size_t kDefaultTextLimit = size_t{64} << 20;

// The whole file as text; fails when it is longer than max_bytes (the message names both sizes). Pipes are read too.
FASTC_API Result<std::string> read_text(const std::filesystem::path& path, size_t max_bytes = kDefaultTextLimit);

// All or nothing: the bytes go to a temporary name in the same folder, are synced, and renamed over `path`; then the folder
// is synced. On failure nothing is left behind and an older file at `path` is untouched. The folder must exist.
FASTC_API Status write_atomic(const std::filesystem::path& path, std::span<const std::byte> bytes);
FASTC_API Status write_atomic(const std::filesystem::path& path, std::string_view text);

// The same for content that is produced piece by piece (an artifact, a zip): `produce` is called once with a sink that
// appends; an error from either removes the temporary file.
using ByteSink = std::function<Status(std::span<const std::byte>)>;
FASTC_API Status write_atomic(const std::filesystem::path& path, const std::function<Status(const ByteSink&)>& produce);

FASTC_API Status make_folders(const std::filesystem::path& path);  // like mkdir -p
FASTC_API Result<uint64_t> file_bytes(const std::filesystem::path& path);

// A fresh folder under $TMPDIR (or /tmp), removed with all it holds when the object dies.
class FASTC_API TempDir {
 public:
  static Result<TempDir> make(std::string_view prefix = "fastc");
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  TempDir() = default;
  void remove() noexcept;
  std::filesystem::path path_;
};

inline std::span<const std::byte> as_bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace fastc
