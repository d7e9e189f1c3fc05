#include "base/zip.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <set>
#include <utility>

namespace fastc {
namespace {

// Signatures and sizes: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16.
constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20;
constexpr uint32_t kMax32 = 0xffffffff;
constexpr uint16_t kMax16 = 0xffff, kZip64Extra = 1, kStored = 0, kDeflated = 8;

// Little-endian reads at an offset; the caller has checked that the bytes are there.
struct Bytes {
  std::span<const std::byte> data;
  bool has(uint64_t offset, uint64_t n) const { return offset <= data.size() && n <= data.size() - offset; }
  uint64_t get(uint64_t offset, int n) const {
    uint64_t value = 0;
    for (int i = 0; i < n; ++i) value |= uint64_t{std::to_integer<uint8_t>(data[offset + i])} << (8 * i);
    return value;
  }
  uint16_t u16(uint64_t offset) const { return static_cast<uint16_t>(get(offset, 2)); }
  uint32_t u32(uint64_t offset) const { return static_cast<uint32_t>(get(offset, 4)); }
  uint64_t u64(uint64_t offset) const { return get(offset, 8); }
  std::string_view text(uint64_t offset, uint64_t n) const {
    return {reinterpret_cast<const char*>(data.data()) + offset, static_cast<size_t>(n)};
  }
};

uint32_t crc_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) return 0;  // zlib takes a null pointer for a question
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

struct Directory {
  uint64_t offset = 0, size = 0, entries = 0;
};

Result<Directory> find_directory(const Bytes& file, std::string_view what) {
  const auto damaged = [&](std::string_view found) {
    return input_error("{}: expected a zip archive, found {}", what, found);
  };
  if (file.data.size() < kEndSize) return damaged(fmt::format("{} bytes", file.data.size()));
  // The end record is last but for a comment of at most 65,535 bytes.
  const uint64_t last = file.data.size() - kEndSize;
  const uint64_t first = last > kMax16 ? last - kMax16 : 0;
  uint64_t end = last + 1;
  for (uint64_t at = last + 1; at-- > first;) {
    if (file.u32(at) == kEnd && at + kEndSize + file.u16(at + 20) == file.data.size()) {
      end = at;
      break;
    }
  }
  if (end > last) return damaged("no end-of-directory record (a truncated file?)");
  Directory directory{file.u32(end + 16), file.u32(end + 12), file.u16(end + 10)};
  const bool is64 = end >= kLocatorSize && file.u32(end - kLocatorSize) == kLocator64;
  if (is64) {
    const uint64_t at = file.u64(end - kLocatorSize + 8);
    if (!file.has(at, kEnd64Size) || file.u32(at) != kEnd64) return damaged("a broken zip64 end record");
    directory = {file.u64(at + 48), file.u64(at + 40), file.u64(at + 32)};
  }
  if (!file.has(directory.offset, directory.size) || directory.entries > directory.size / kCentralSize)
    return damaged("a directory that lies outside the file");
  return directory;
}

// Sizes and offset that did not fit 32 bits stand in the zip64 extra field, in this order, only those that are needed.
bool read_zip64(const Bytes& file, uint64_t at, uint64_t length, ZipEntry& entry) {
  if (entry.size != kMax32 && entry.packed_size != kMax32 && entry.header_offset != kMax32) return true;
  const uint64_t end = at + length;
  while (end - at >= 4) {
    const uint64_t id = file.u16(at), size = file.u16(at + 2);
    at += 4;
    if (size > end - at) return false;
    if (id == kZip64Extra) {
      uint64_t used = 0;
      for (uint64_t* value : {&entry.size, &entry.packed_size, &entry.header_offset}) {
        if (*value != kMax32) continue;
        if (used + 8 > size) return false;
        *value = file.u64(at + used);
        used += 8;
      }
      return true;
    }
    at += size;
  }
  return true;  // exactly 4 GiB - 1, without the field
}

Result<SharedBytes> inflate_entry(const ZipEntry& entry, std::span<const std::byte> packed, std::string_view place) {
  // Deflate cannot expand more than 1032-fold (zlib's technical notes): a larger claim is a bomb or damage.
  if (entry.size / 1032 > packed.size())
    return input_error("{}: expected at most {} bytes out of {}, found a claim of {}", place, packed.size() * 1032,
                       packed.size(), entry.size);
  std::shared_ptr<std::byte[]> buffer;
  try {
    buffer = std::make_shared_for_overwrite<std::byte[]>(entry.size);
  } catch (const std::bad_alloc&) {
    return input_error("{}: there is not enough memory for its {} bytes", place, entry.size);
  }
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return internal_error("{}: zlib cannot start", place);
  uint64_t in = 0, out = 0;
  int rc = Z_OK;
  while (rc == Z_OK) {  // zlib counts in 32 bits
    const auto take = static_cast<uInt>(std::min<uint64_t>(packed.size() - in, 1u << 30));
    const auto room = static_cast<uInt>(std::min<uint64_t>(entry.size - out, 1u << 30));
    std::byte spare{};  // an empty entry still needs a place to write nothing to
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + in));
    stream.avail_in = take;
    stream.next_out = reinterpret_cast<Bytef*>(entry.size == 0 ? &spare : buffer.get() + out);
    stream.avail_out = room;
    rc = inflate(&stream, Z_NO_FLUSH);
    in += take - stream.avail_in;
    out += room - stream.avail_out;
  }
  inflateEnd(&stream);
  if (rc != Z_STREAM_END || out != entry.size)
    return input_error("{}: expected {} bytes of deflated data, found damage after {}", place, entry.size, out);
  return SharedBytes{{buffer.get(), static_cast<size_t>(entry.size)}, buffer};
}

}  // namespace

Result<ZipReader> ZipReader::open(const std::filesystem::path& path) {
  FASTC_TRY(auto file, MappedFile::open(path));
  return open(SharedBytes{file->bytes(), file}, path.string());
}

Result<ZipReader> ZipReader::open(SharedBytes bytes, std::string what) {
  ZipReader reader;
  reader.file_ = std::move(bytes);
  reader.what_ = std::move(what);
  FASTC_CHECK(reader.read_directory());
  return reader;
}

Status ZipReader::read_directory() {
  const Bytes file{file_.bytes};
  FASTC_TRY(const Directory directory, find_directory(file, what_));
  uint64_t at = directory.offset;
  const uint64_t end = directory.offset + directory.size;
  std::set<std::string_view> names;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const auto broken = [&] { return input_error("{}: entry {} of the zip directory is damaged (offset {})", what_, i, at); };
    if (end - at < kCentralSize || file.u32(at) != kCentral) return broken();
    const uint64_t name = file.u16(at + 28), extra = file.u16(at + 30), comment = file.u16(at + 32);
    if (end - at - kCentralSize < name + extra + comment) return broken();
    ZipEntry entry;
    entry.name = file.text(at + kCentralSize, name);
    entry.method = file.u16(at + 10);
    entry.crc = file.u32(at + 16);
    entry.packed_size = file.u32(at + 20);
    entry.size = file.u32(at + 24);
    entry.header_offset = file.u32(at + 42);
    if (!read_zip64(file, at + kCentralSize + name, extra, entry)) return broken();
    if (file.u16(at + 8) & 1) return input_error("{}: entry {} is encrypted, which fastc does not read", what_, entry.name);
    if (!names.insert(file.text(at + kCentralSize, name)).second)
      return input_error("{}: expected every name once, found {} again", what_, entry.name);
    at += kCentralSize + name + extra + comment;
    entries_.push_back(std::move(entry));
  }
  return {};
}

const ZipEntry* ZipReader::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<SharedBytes> ZipReader::read(const ZipEntry& entry, uint64_t max_bytes, bool check_crc) const {
  const Bytes file{file_.bytes};
  const std::string place = what_ + ", " + entry.name;
  if (entry.size > max_bytes) return input_error("{}: expected at most {} bytes, found {}", place, max_bytes, entry.size);
  if (!file.has(entry.header_offset, kLocalSize) || file.u32(entry.header_offset) != kLocal)
    return input_error("{}: expected an entry at offset {}, found something else", place, entry.header_offset);
  // The local header's own name and extra field decide where the data starts; its sizes may be zero (streamed archives).
  const uint64_t start = entry.header_offset + kLocalSize + file.u16(entry.header_offset + 26) + file.u16(entry.header_offset + 28);
  if (!file.has(start, entry.packed_size))
    return input_error("{}: expected {} bytes at offset {}, found the end of the file", place, entry.packed_size, start);
  const auto packed = file_.bytes.subspan(start, entry.packed_size);
  SharedBytes out{packed, file_.owner};
  if (entry.method == kDeflated) {
    FASTC_TRY(out, inflate_entry(entry, packed, place));
  } else if (entry.method != kStored) {
    return input_error("{}: expected a stored or deflated entry, found compression method {}", place, entry.method);
  } else if (entry.size != entry.packed_size) {
    return input_error("{}: expected {} stored bytes, found {}", place, entry.size, entry.packed_size);
  }
  if (check_crc && crc_of(out.bytes) != entry.crc) return input_error("{}: its checksum does not match: the file is damaged", place);
  return out;
}

}  // namespace fastc
