#include "tasks/readers/idx_file.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/files.h"

namespace fastc {
namespace {

// Unpacks a gzip stream piece by piece, so that the sizes in the header are known before memory is taken for the data.
class GzipStream {
 public:
  explicit GzipStream(std::span<const std::byte> packed) : packed_(packed) {
    ready_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK;
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() { inflateEnd(&stream_); }

  // Fills `out` as far as there is data; how many bytes came. Damage ends the data.
  size_t read(std::span<std::byte> out) {
    size_t done = 0;
    while (ready_ && done < out.size()) {
      const auto room = static_cast<uInt>(std::min<size_t>(out.size() - done, 1u << 30));
      const auto take = static_cast<uInt>(std::min<size_t>(packed_.size() - at_, 1u << 30));
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed_.data() + at_));
      stream_.avail_in = take;
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = room;
      const int rc = inflate(&stream_, Z_NO_FLUSH);
      at_ += take - stream_.avail_in;
      done += room - stream_.avail_out;
      if (rc != Z_OK) ready_ = false;
      whole_ = rc == Z_STREAM_END;
    }
    return done;
  }
  // The stream ends here, and its checksum held.
  bool ended() {
    std::byte more{};
    return whole_ || (read({&more, 1}) == 0 && whole_);
  }

 private:
  std::span<const std::byte> packed_;
  z_stream stream_{};
  size_t at_ = 0;
  bool ready_ = false, whole_ = false;
};

int64_t big_endian(const std::byte* p) {
  int64_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<int64_t>(p[i]);
  return value;
}

// Checks the magic number; its rank, or a sentence.
Result<size_t> read_magic(std::span<const std::byte> head, size_t rank, const std::string& path) {
  if (head.size() < 4 || head[0] != std::byte{0} || head[1] != std::byte{0})
    return input_error("{}: expected an IDX file, plain or gzipped, found other bytes at its start", path);
  if (head[2] != std::byte{8})
    return input_error("{}: expected unsigned bytes (IDX type 0x08), found type {:#04x}", path, std::to_integer<int>(head[2]));
  const auto found = std::to_integer<size_t>(head[3]);
  if (rank != 0 ? found != rank : found < 1 || found > 4)
    return input_error("{}: expected an IDX file of rank {}, found rank {}", path, rank != 0 ? std::to_string(rank) : "1 to 4", found);
  return found;
}

Result<int64_t> read_sizes(std::span<const std::byte> head, const std::string& path, std::vector<int64_t>& shape) {
  int64_t total = 1;
  for (size_t i = 0; i + 4 <= head.size(); i += 4) {
    shape.push_back(big_endian(head.data() + i));
    if (__builtin_mul_overflow(total, shape.back(), &total))
      return input_error("{}: its sizes multiply to more than memory can hold", path);
  }
  return total;
}

Result<IdxFile> read_gzipped(std::span<const std::byte> packed, size_t rank, const std::string& path) {
  GzipStream stream(packed);
  std::byte head[20];
  const auto magic = std::span(head).first(stream.read(std::span(head).first(4)));
  FASTC_TRY(const size_t found, read_magic(magic, rank, path));
  const auto sizes = std::span(head).first(4 * found);
  if (stream.read(sizes) != sizes.size()) return input_error("{}: expected {} sizes in the IDX header, found the end of the file", path, found);
  IdxFile file;
  FASTC_TRY(const int64_t total, read_sizes(sizes, path, file.shape));
  // Deflate expands at most 1032-fold, so a larger claim is damage, and no memory is taken for it.
  if (total / 1032 > static_cast<int64_t>(packed.size()))
    return input_error("{}: expected {} bytes of data, found a file of {} packed bytes", path, total, packed.size());
  std::shared_ptr<std::byte[]> data;
  try {
    data = std::make_shared_for_overwrite<std::byte[]>(static_cast<size_t>(total));
  } catch (const std::bad_alloc&) {
    return input_error("{}: there is not enough memory for its {} bytes", path, total);
  }
  const std::span<std::byte> all{data.get(), static_cast<size_t>(total)};
  if (const size_t n = stream.read(all); n != all.size())
    return input_error("{}: expected {} bytes of data, found the end or damage after {}", path, total, n);
  if (!stream.ended()) return input_error("{}: expected the end after {} bytes of data, found more, or a wrong checksum", path, total);
  file.data = {all, data};
  return file;
}

}  // namespace

Result<IdxFile> read_idx(const std::filesystem::path& path, size_t rank) {
  FASTC_TRY(const auto mapped, MappedFile::open(path));
  const auto bytes = mapped->bytes();
  const std::string name = path.string();
  if (bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b}) return read_gzipped(bytes, rank, name);
  FASTC_TRY(const size_t found, read_magic(bytes, rank, name));
  if (bytes.size() < 4 + 4 * found) return input_error("{}: expected {} sizes in the IDX header, found the end of the file", name, found);
  IdxFile file;
  FASTC_TRY(const int64_t total, read_sizes(bytes.subspan(4, 4 * found), name, file.shape));
  const auto data = bytes.subspan(4 + 4 * found);
  if (static_cast<int64_t>(data.size()) != total)
    return input_error("{}: expected {} bytes of data, found {}", name, total, data.size());
  file.data = {data, mapped};
  return file;
}

}  // namespace fastc
