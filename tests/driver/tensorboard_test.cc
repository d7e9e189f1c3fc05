#include "driver/report/tensorboard.h"

#include <bit>
#include <cstring>

#include "base/files.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

template <typename T>
T number_at(const std::string& bytes, size_t at) {
  REQUIRE(at + sizeof(T) <= bytes.size());
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The other way round than the writer has it.
uint32_t unmasked(uint32_t crc) {
  crc -= 0xa282ead8u;
  return crc << 15 | crc >> 17;
}

// Data of each record; both checksums must hold, and nothing may be left over.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> all;
  for (size_t at = 0; at < file.size();) {
    const auto length = number_at<uint64_t>(file, at);
    CHECK(unmasked(number_at<uint32_t>(file, at + 8)) == crc32c(file.substr(at, 8)));
    REQUIRE(at + 12 + length + 4 <= file.size());
    all.push_back(file.substr(at + 12, length));
    CHECK(unmasked(number_at<uint32_t>(file, at + 12 + length)) == crc32c(all.back()));
    at += 12 + length + 4;
  }
  return all;
}

}  // namespace

TEST_CASE("crc32c of RFC 3720") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c("") == 0);
}

TEST_CASE("an event file, byte for byte") {
  const std::vector<CurvePoint> points{{"loss", 1, 0.5}, {"loss", 300, -2}};
  const auto found = records(tensorboard_events(points, 1.0));
  REQUIRE(found.size() == 3);
  const std::string time("\x09\0\0\0\0\0\0\xf0\x3f", 9);  // field 1: 1.0 as eight bytes
  CHECK(found[0] == time + std::string("\x10\0", 2) + "\x1a\x0d" "brain.Event:2");
  CHECK(found[1] == time + "\x10\x01" + "\x2a\x0d" "\x0a\x0b" "\x0a\x04" "loss" + std::string("\x15\0\0\0\x3f", 5));
  CHECK(found[2] == time + "\x10\xac\x02" + "\x2a\x0d" "\x0a\x0b" "\x0a\x04" "loss" + std::string("\x15\0\0\0\xc0", 5));  // 300 = 0xac 0x02 as a varint
}

TEST_CASE("event files are written a folder each; without points there is none") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  REQUIRE(write_tensorboard(folder->path() / "tuned", std::vector<CurvePoint>{{"accuracy", 1, 0.25}}));
  const auto file = MappedFile::open(folder->path() / "tuned" / "events.out.tfevents.fastc");
  REQUIRE(file);
  CHECK(records(std::string(reinterpret_cast<const char*>((*file)->bytes().data()), (*file)->bytes().size())).size() == 2);
  REQUIRE(write_tensorboard(folder->path() / "folded", {}));
  CHECK_FALSE(std::filesystem::exists(folder->path() / "folded"));
}

TEST_CASE("curves that are drawn while a stage runs can be read at once; its end adds what is missing") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const auto count = [&] {
    const auto file = MappedFile::open(folder->path() / "tuned" / "events.out.tfevents.fastc");
    REQUIRE(file);
    return records(std::string(reinterpret_cast<const char*>((*file)->bytes().data()), (*file)->bytes().size())).size();
  };
  REQUIRE(write_tensorboard(folder->path() / "tuned", std::vector<CurvePoint>(9, {"loss", 1, 1})));  // of an earlier run
  LiveCurves live(folder->path() / "tuned");
  live.add({"step_loss", 20, 0.5});
  CHECK(count() == 2);
  live.add({"loss", 1, 0.25});
  CHECK(count() == 3);
  REQUIRE(live.finish(std::vector<CurvePoint>{{"loss", 1, 0.25}, {"loss", 2, 0.125}}));
  CHECK(count() == 4);
  LiveCurves silent(folder->path() / "resumed");
  REQUIRE(silent.finish(std::vector<CurvePoint>{{"loss", 1, 0.25}}));
  CHECK(std::filesystem::exists(folder->path() / "resumed" / "events.out.tfevents.fastc"));
  LiveCurves nothing(folder->path() / "folded");
  REQUIRE(nothing.finish({}));
  CHECK_FALSE(std::filesystem::exists(folder->path() / "folded"));
  REQUIRE(write_atomic(folder->path() / "in_the_way", "x"));
  LiveCurves blocked(folder->path() / "in_the_way");
  blocked.add({"loss", 1, 1});
  CHECK_FALSE(blocked.finish({}));
}
