#include "base/files.h"

#include <sys/stat.h>

#include "tests/catch.h"

using namespace fastc;
namespace fs = std::filesystem;

namespace {

size_t files_in(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a file is written whole, read back, and mapped") {
  const auto dir = TempDir::make();
  REQUIRE(dir);
  const auto path = dir->path() / "a.txt";
  REQUIRE(write_atomic(path, "first"));
  REQUIRE(write_atomic(path, "second text"));  // over the older one
  CHECK(files_in(dir->path()) == 1);
  CHECK(read_text(path).value() == "second text");
  CHECK(file_bytes(path).value() == 11);
  const auto mapped = MappedFile::open(path);
  REQUIRE(mapped);
  CHECK((*mapped)->bytes().size() == 11);
  CHECK((*mapped)->bytes()[0] == std::byte{'s'});
}

TEST_CASE("an empty file maps to an empty span") {
  const auto dir = TempDir::make();
  REQUIRE(write_atomic(dir->path() / "empty", ""));
  const auto mapped = MappedFile::open(dir->path() / "empty");
  REQUIRE(mapped);
  CHECK((*mapped)->bytes().empty());
}

TEST_CASE("a failed write leaves the older file and nothing else") {
  const auto dir = TempDir::make();
  const auto path = dir->path() / "model";
  REQUIRE(write_atomic(path, "old"));
  const auto status = write_atomic(path, [](const ByteSink& sink) -> Status {
    FASTC_CHECK(sink(as_bytes_of("half of the new")));
    return stage_error("the packer gave up");
  });
  REQUIRE_FALSE(status);
  CHECK(status.error().message == "the packer gave up");
  CHECK(read_text(path).value() == "old");
  CHECK(files_in(dir->path()) == 1);
}

TEST_CASE("what cannot be read or written is named") {
  const auto dir = TempDir::make();
  const auto missing = dir->path() / "none" / "file";
  CHECK(MappedFile::open(missing).error().message == missing.string() + ": cannot be opened: No such file or directory");
  CHECK(MappedFile::open(dir->path()).error().message == dir->path().string() + ": expected a regular file, found a folder");
  CHECK(read_text(dir->path()).error().message == dir->path().string() + ": expected a file, found a folder");
  CHECK(write_atomic(missing, "x").error().message == missing.string() + ": cannot be written: No such file or directory");
  REQUIRE(write_atomic(dir->path() / "big", std::string(100, 'x')));
  CHECK(read_text(dir->path() / "big", 99).error().message ==
        (dir->path() / "big").string() + ": expected at most 99 bytes, found more");
  CHECK(read_text(dir->path() / "big", 100).value().size() == 100);
}

TEST_CASE("mapping a pipe neither waits nor succeeds") {
  const auto dir = TempDir::make();
  const auto pipe = dir->path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(MappedFile::open(pipe).error().message == pipe.string() + ": expected a regular file, found something else");
}

TEST_CASE("a temporary folder goes when its object does") {
  fs::path path;
  {
    auto dir = TempDir::make("fastc-test");
    REQUIRE(dir);
    path = dir->path();
    REQUIRE(make_folders(path / "a" / "b"));
    TempDir moved = std::move(*dir);
    CHECK(fs::exists(path));
  }
  CHECK_FALSE(fs::exists(path));
}
