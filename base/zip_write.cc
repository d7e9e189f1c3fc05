#include <zlib.h>

#include <algorithm>

#include "base/zip.h"

namespace fastc {
namespace {

// Signatures and sizes: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16.
constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr size_t kLocalSize = 30, kEnd64Size = 56;
constexpr uint32_t kMax32 = 0xffffffff;
constexpr uint16_t kMax16 = 0xffff, kZip64Extra = 1, kStored = 0;
constexpr uint16_t kPaddingExtra = 0xfa57;  // an extra field of our own that only fills space: readers skip what they do not know
constexpr uint64_t kAlignment = 64;

uint32_t crc_of(const ZipItem& item) {
  const uLong head = crc32_z(0, reinterpret_cast<const Bytef*>(item.head.data()), item.head.size());
  // zlib takes a null pointer as "give me the first value": empty data must not reach it.
  if (item.bytes.empty()) return static_cast<uint32_t>(head);
  return static_cast<uint32_t>(crc32_z(head, reinterpret_cast<const Bytef*>(item.bytes.data()), item.bytes.size()));
}

void put(std::string& out, uint64_t value, int n) {
  for (int i = 0; i < n; ++i) out += static_cast<char>(value >> (8 * i));
}

// What local and central headers share, from "version needed" to the extra field's length. 1980-01-01 stands for "no time".
void put_common(std::string& out, const ZipItem& item, uint32_t crc, uint64_t extra) {
  const auto size = std::min<uint64_t>(item.size(), kMax32);
  put(out, 45, 2);
  put(out, 0x0800, 2);  // names are UTF-8
  put(out, kStored, 2);
  put(out, 0, 2);
  put(out, 0x0021, 2);
  put(out, crc, 4);
  put(out, size, 4);
  put(out, size, 4);
  put(out, item.name.size(), 2);
  put(out, extra, 2);
}

std::string local_header(const ZipItem& item, uint32_t crc, uint64_t offset) {
  std::string extra;
  if (item.size() >= kMax32) {
    put(extra, kZip64Extra, 2);
    put(extra, 16, 2);
    put(extra, item.size(), 8);
    put(extra, item.size(), 8);
  }
  const uint64_t start = offset + kLocalSize + item.name.size() + extra.size() + 4;
  const uint64_t padding = (kAlignment - start % kAlignment) % kAlignment;
  put(extra, kPaddingExtra, 2);
  put(extra, padding, 2);
  extra.append(padding, '\0');
  std::string out;
  put(out, kLocal, 4);
  put_common(out, item, crc, extra.size());
  return out + item.name + extra;
}

std::string central_header(const ZipItem& item, uint32_t crc, uint64_t offset) {
  std::string extra;
  const bool big = item.size() >= kMax32, far = offset >= kMax32;
  if (big || far) {
    put(extra, kZip64Extra, 2);
    put(extra, (big ? 16 : 0) + (far ? 8 : 0), 2);
    if (big) put(extra, item.size(), 8), put(extra, item.size(), 8);
    if (far) put(extra, offset, 8);
  }
  std::string out;
  put(out, kCentral, 4);
  put(out, 45, 2);
  put_common(out, item, crc, extra.size());
  out.append(10, '\0');  // comment length, disk, attributes: 2 + 2 + 2 + 4
  put(out, std::min<uint64_t>(offset, kMax32), 4);
  return out + item.name + extra;
}

std::string end_records(uint64_t entries, uint64_t offset, uint64_t size) {
  std::string out;
  if (entries >= kMax16 || offset >= kMax32 || size >= kMax32) {
    put(out, kEnd64, 4);
    put(out, kEnd64Size - 12, 8);
    put(out, 45, 2);
    put(out, 45, 2);
    put(out, 0, 8);
    for (const uint64_t value : {entries, entries, size, offset}) put(out, value, 8);
    put(out, kLocator64, 4);
    put(out, 0, 4);
    put(out, offset + size, 8);
    put(out, 1, 4);
  }
  put(out, kEnd, 4);
  put(out, 0, 4);
  put(out, std::min<uint64_t>(entries, kMax16), 2);
  put(out, std::min<uint64_t>(entries, kMax16), 2);
  put(out, std::min<uint64_t>(size, kMax32), 4);
  put(out, std::min<uint64_t>(offset, kMax32), 4);
  put(out, 0, 2);
  return out;
}

}  // namespace

Status write_zip(const std::filesystem::path& path, std::span<const ZipItem> items) {
  for (const auto& item : items) {
    if (item.name.empty() || item.name.size() > 60000) return input_error("{}: a zip entry's name must have 1 to 60000 bytes", path.string());
  }
  return write_atomic(path, [&](const ByteSink& sink) -> Status {
    std::string directory;
    uint64_t offset = 0;
    for (const auto& item : items) {
      const uint32_t crc = crc_of(item);
      const std::string header = local_header(item, crc, offset);
      directory += central_header(item, crc, offset);
      FASTC_CHECK(sink(as_bytes_of(header)));
      FASTC_CHECK(sink(as_bytes_of(item.head)));
      FASTC_CHECK(sink(item.bytes));
      offset += header.size() + item.size();
    }
    FASTC_CHECK(sink(as_bytes_of(directory)));
    return sink(as_bytes_of(end_records(items.size(), offset, directory.size())));
  });
}

}  // namespace fastc
