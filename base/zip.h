// Zip archives over a mapping: .npz, .pt, .pt2. A stored entry is a view into the file (nothing is copied); a deflated one is
// inflated into memory of its own. Zip64 is read and, where needed, written. Every offset is checked before use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/api.h"
#include "base/files.h"
#include "base/result.h"

namespace fastc {

// Bytes that live as long as `owner` does.
struct SharedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

struct ZipEntry {
  std::string name;
  uint64_t size = 0;         // bytes when unpacked
  uint64_t packed_size = 0;  // bytes in the archive
  uint64_t header_offset = 0;
  uint32_t crc = 0;
  uint16_t method = 0;  // 0 stored, 8 deflated; others are refused when read
};

class FASTC_API ZipReader {
 public:
  static Result<ZipReader> open(const std::filesystem::path& path);
  // `what` is how messages call the archive. `bytes` are all of it.
  static Result<ZipReader> open(SharedBytes bytes, std::string what);

  const std::vector<ZipEntry>& entries() const { return entries_; }  // in the archive's order; names are unique
  const ZipEntry* find(std::string_view name) const;
  // Fails on damage (CRC, length), encryption, an unknown method, or more than max_bytes when unpacked.
  // check_crc = false leaves a stored entry's pages untouched, for weights that something else verifies.
  Result<SharedBytes> read(const ZipEntry& entry, uint64_t max_bytes = UINT64_MAX, bool check_crc = true) const;

 private:
  Status read_directory();
  SharedBytes file_;
  std::string what_;
  std::vector<ZipEntry> entries_;
};

struct ZipItem {
  std::string name;
  std::span<const std::byte> bytes;
  std::string head = {};  // comes before `bytes`: a format's header, so that large data need not be copied behind it

  uint64_t size() const { return head.size() + bytes.size(); }
};
// Entries stored, aligned to 64 bytes, with no times in them: the same items give the same bytes.
FASTC_API Status write_zip(const std::filesystem::path& path, std::span<const ZipItem> items);

}  // namespace fastc
