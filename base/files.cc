#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace fastc {
namespace {

namespace fs = std::filesystem;

std::string reason(int error) { return std::generic_category().message(error); }

// A file descriptor that closes itself.
struct Descriptor {
  int fd = -1;
  explicit Descriptor(int descriptor) : fd(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Status write_all(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    // One write moves at most 2 GB on Linux; smaller pieces also keep a full disk's answer prompt.
    const ssize_t n = ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return input_error("{}: cannot be written: {}", path.string(), reason(errno));
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Status sync_folder(const fs::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems refuse to sync a folder (EINVAL); the rename itself is still atomic there.
  if (descriptor.fd < 0 || (::fsync(descriptor.fd) != 0 && errno != EINVAL && errno != EROFS))
    return input_error("{}: the folder cannot be synced: {}", folder.string(), reason(errno));
  return {};
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

Result<std::shared_ptr<MappedFile>> MappedFile::open(const fs::path& path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer; fstat below refuses it.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.fd < 0) return input_error("{}: cannot be opened: {}", path.string(), reason(errno));
  struct stat info {};
  if (::fstat(descriptor.fd, &info) != 0) return input_error("{}: cannot be read: {}", path.string(), reason(errno));
  if (!S_ISREG(info.st_mode))
    return input_error("{}: expected a regular file, found {}", path.string(),
                       S_ISDIR(info.st_mode) ? "a folder" : "something else");
  std::shared_ptr<MappedFile> file(new MappedFile());
  file->path_ = path;
  file->size_ = static_cast<size_t>(info.st_size);
  if (file->size_ == 0) return file;
  void* data = ::mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE, descriptor.fd, 0);
  if (data == MAP_FAILED) return input_error("{}: cannot be mapped: {}", path.string(), reason(errno));
  file->data_ = data;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Result<std::string> read_text(const fs::path& path, size_t max_bytes) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.fd < 0) return input_error("{}: cannot be opened: {}", path.string(), reason(errno));
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(descriptor.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return input_error("{}: {}", path.string(),
                         errno == EISDIR ? "expected a file, found a folder" : "cannot be read: " + reason(errno));
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > max_bytes)
      return input_error("{}: expected at most {} bytes, found more", path.string(), max_bytes);
    text.append(buffer, static_cast<size_t>(n));
  }
}

Status write_atomic(const fs::path& path, const std::function<Status(const ByteSink&)>& produce) {
  // Two writers in one process, or two processes, must not share the temporary name.
  static std::atomic<uint64_t> counter{0};
  const fs::path folder = folder_of(path);
  const fs::path temporary = folder / fmt::format(".{}.{}.{}.tmp", path.filename().string(), ::getpid(), counter++);
  Status status;
  {
    const Descriptor descriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (descriptor.fd < 0) return input_error("{}: cannot be written: {}", path.string(), reason(errno));
    status = produce([&](std::span<const std::byte> bytes) { return write_all(descriptor.fd, bytes, path); });
    if (status && ::fsync(descriptor.fd) != 0)
      status = input_error("{}: cannot be written to disk: {}", path.string(), reason(errno));
  }
  if (status && ::rename(temporary.c_str(), path.c_str()) != 0)
    status = input_error("{}: cannot be written: {}", path.string(), reason(errno));
  if (!status) {
    ::unlink(temporary.c_str());
    return status;
  }
  return sync_folder(folder);
}

Status write_atomic(const fs::path& path, std::span<const std::byte> bytes) {
  return write_atomic(path, [&](const ByteSink& sink) { return sink(bytes); });
}

Status write_atomic(const fs::path& path, std::string_view text) { return write_atomic(path, as_bytes_of(text)); }

Status make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return input_error("{}: the folder cannot be made: {}", path.string(), error.message());
  return {};
}

Result<uint64_t> file_bytes(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return input_error("{}: its size cannot be read: {}", path.string(), error.message());
  return size;
}

Result<TempDir> TempDir::make(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string name = fmt::format("{}/{}-XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(name.data()) == nullptr)
    return input_error("{}: a temporary folder cannot be made: {}", name, reason(errno));
  TempDir dir;
  dir.path_ = name;
  return dir;
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

TempDir::~TempDir() { remove(); }

void TempDir::remove() noexcept {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace fastc
