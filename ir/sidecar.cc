#include "ir/sidecar.h"

#include <fmt/format.h>

#include <cstring>

#include "base/files.h"
#include "base/sha256.h"

namespace fastc {
namespace {

constexpr char kMagic[8] = {'F', 'A', 'S', 'T', 'C', 'W', 'T', 'S'};
constexpr uint64_t kVersion = 1;
constexpr uint64_t kAlignment = 64;

struct Header {
  char magic[8];
  uint64_t version, count;
};
struct Entry {
  uint8_t sha256[32];
  uint64_t offset, bytes;
};
static_assert(sizeof(Header) == 24 && sizeof(Entry) == 48);

uint64_t aligned(uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

std::span<const std::byte> bytes_of(const Tensor& t) { return {static_cast<const std::byte*>(t.raw()), t.bytes()}; }

std::string hex_of(const uint8_t (&digest)[32]) { return fmt::format("{:02x}", fmt::join(digest, "")); }

void digest_of(const std::string& hex, uint8_t (&digest)[32]) {
  for (size_t i = 0; i < 32; ++i) digest[i] = static_cast<uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
}

template <typename T>
std::span<const std::byte> raw(const T& record) {
  return std::as_bytes(std::span(&record, 1));
}

}  // namespace

std::string tensor_hash(const Tensor& tensor) { return sha256_hex(bytes_of(tensor.to_contiguous())); }

Status write_sidecar(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors) {
  return write_atomic(path, [&](const ByteSink& sink) -> Status {
    Header header{{}, kVersion, tensors.size()};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    FASTC_CHECK(sink(raw(header)));
    uint64_t offset = sizeof(Header) + sizeof(Entry) * tensors.size();
    for (const auto& [hash, tensor] : tensors) {
      Entry entry{{}, aligned(offset), tensor.bytes()};
      digest_of(hash, entry.sha256);
      FASTC_CHECK(sink(raw(entry)));
      offset = entry.offset + entry.bytes;
    }
    uint64_t at = sizeof(Header) + sizeof(Entry) * tensors.size();
    for (const auto& [hash, tensor] : tensors) {
      const std::byte padding[kAlignment] = {};
      FASTC_CHECK(sink(std::span(padding, aligned(at) - at)));
      const Tensor dense = tensor.to_contiguous();
      FASTC_CHECK(sink(bytes_of(dense)));
      at = aligned(at) + dense.bytes();
    }
    return {};
  });
}

Result<Sidecar> Sidecar::open(const std::filesystem::path& path) {
  Sidecar out;
  FASTC_TRY(out.file_, MappedFile::open(path));
  const auto all = out.file_->bytes();
  Header header;
  if (all.size() < sizeof header)
    return input_error("{}: expected a weights file, found {} bytes", path.string(), all.size());
  std::memcpy(&header, all.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    return input_error("{}: expected a weights file, found another kind", path.string());
  if (header.version != kVersion)
    return input_error("{}: expected version {} of a weights file, found version {}", path.string(), kVersion,
                       header.version);
  if (header.count > (all.size() - sizeof header) / sizeof(Entry))
    return input_error("{}: expected room for {} entries, found a file of {} bytes", path.string(), header.count,
                       all.size());
  for (uint64_t i = 0; i < header.count; ++i) {
    Entry entry;
    std::memcpy(&entry, all.data() + sizeof header + i * sizeof entry, sizeof entry);
    if (entry.offset > all.size() || entry.bytes > all.size() - entry.offset || entry.offset % kAlignment != 0)
      return input_error("{}: entry {}: expected aligned bytes inside the file of {}, found {} at {}", path.string(), i,
                         all.size(), entry.bytes, entry.offset);
    out.entries_[hex_of(entry.sha256)] = all.subspan(entry.offset, entry.bytes);
  }
  return out;
}

Result<Tensor> Sidecar::tensor(const std::string& hash, DType dtype, const std::vector<int64_t>& shape) const {
  const auto found = entries_.find(hash);
  const std::string name = file_->path().string();
  if (found == entries_.end()) return input_error("expected sha256:{} in {}, found no such tensor", hash, name);
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * shape[i - 1];
  const Tensor out = Tensor::view(dtype, shape, std::move(strides), found->second.data(), file_);
  if (out.bytes() != found->second.size())
    return input_error("expected {} bytes under sha256:{} in {}, found {}", out.bytes(), hash, name,
                       found->second.size());
  if (sha256_hex(found->second) != hash)
    return input_error("expected bytes with the hash sha256:{} in {}, found others: the file is damaged", hash, name);
  return out;
}

}  // namespace fastc
