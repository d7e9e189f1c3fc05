#include "base/zip.h"

#include <zlib.h>

#include <cstring>
#include <functional>

#include "tests/catch.h"

using namespace fastc;

namespace {

std::string text_of(const SharedBytes& shared) {
  return {reinterpret_cast<const char*>(shared.bytes.data()), shared.bytes.size()};
}

SharedBytes shared_copy(const std::string& text) {
  auto owner = std::make_shared<std::string>(text);
  return {as_bytes_of(*owner), owner};
}

// An archive with a.txt and b/c.bin, as bytes.
std::string sample() {
  const auto dir = TempDir::make();
  const ZipItem items[] = {{"a.txt", as_bytes_of("hello")}, {"b/c.bin", as_bytes_of("ld"), "wor"}};
  REQUIRE(write_zip(dir->path() / "x.zip", items));
  return read_text(dir->path() / "x.zip").value();
}

void set(std::string& bytes, size_t at, uint32_t value, int n) {
  for (int i = 0; i < n; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

// `sample` with its first entry deflated: made by hand, for fastc writes none.
std::string deflated(const std::string& content) {
  std::string packed(compressBound(content.size()) + 64, '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  const auto dir = TempDir::make();
  const ZipItem items[] = {{"a", as_bytes_of(packed)}};
  REQUIRE(write_zip(dir->path() / "x.zip", items));
  std::string bytes = read_text(dir->path() / "x.zip").value();
  const size_t central = bytes.rfind("PK\x01\x02");
  set(bytes, central + 10, 8, 2);
  set(bytes, central + 16, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()))), 4);
  set(bytes, central + 24, static_cast<uint32_t>(content.size()), 4);
  return bytes;
}

// The message of opening `bytes` and reading its entries, or "" when all is well.
std::string problem(const std::string& bytes) {
  const auto zip = ZipReader::open(shared_copy(bytes), "x.zip");
  if (!zip) return zip.error().message;
  for (const auto& entry : zip->entries()) {
    if (const auto data = zip->read(entry); !data) return data.error().message;
  }
  return "";
}

}  // namespace

TEST_CASE("an archive is written, and read without copying") {
  const auto bytes = shared_copy(sample());
  const auto zip = ZipReader::open(bytes, "x.zip");
  REQUIRE(zip);
  REQUIRE(zip->entries().size() == 2);
  CHECK(zip->entries()[0].name == "a.txt");
  const auto a = zip->read(*zip->find("a.txt"));
  CHECK(text_of(*a) == "hello");
  CHECK(text_of(*zip->read(*zip->find("b/c.bin"))) == "world");
  CHECK(a->bytes.data() > bytes.bytes.data());
  CHECK(a->bytes.data() < bytes.bytes.data() + bytes.bytes.size());
  CHECK((a->bytes.data() - bytes.bytes.data()) % 64 == 0);
  CHECK(zip->find("none") == nullptr);
  CHECK(zip->read(*zip->find("a.txt"), 4).error().message == "x.zip, a.txt: expected at most 4 bytes, found 5");
  CHECK(sample() == sample());  // no time stands in it
}

TEST_CASE("deflated entries are inflated") {
  const std::string content = std::string(100000, 'x') + "end";
  const auto zip = ZipReader::open(shared_copy(deflated(content)), "x.zip");
  REQUIRE(zip);
  CHECK(text_of(zip->read(zip->entries()[0]).value()) == content);
  CHECK(problem(deflated("")) == "");
}

TEST_CASE("broken archives") {
  const std::string good = sample();
  const size_t central = good.find("PK\x01\x02"), second = good.rfind("PK\x01\x02"), end = good.size() - 22;
  const struct {
    const char* message;
    std::function<void(std::string&)> damage;
  } kCases[] = {
      {"", [](std::string&) {}},
      {"x.zip: expected a zip archive, found 0 bytes", [](std::string& b) { b.clear(); }},
      {"x.zip: expected a zip archive, found no end-of-directory record (a truncated file?)", [](std::string& b) { b.resize(b.size() - 1); }},
      {"x.zip: expected a zip archive, found no end-of-directory record (a truncated file?)", [](std::string& b) { b = std::string(100000, 'P'); }},
      {"x.zip: expected a zip archive, found a directory that lies outside the file", [=](std::string& b) { set(b, end + 16, 0x7fffffff, 4); }},
      {"x.zip: expected a zip archive, found a directory that lies outside the file", [=](std::string& b) { set(b, end + 10, 60000, 2); }},
      {"x.zip: entry 0 of the zip directory is damaged (offset 133)", [=](std::string& b) { b[central] = 'X'; }},
      {"x.zip: entry 1 of the zip directory is damaged (offset 184)", [=](std::string& b) { set(b, second + 28, 60000, 2); }},
      {"x.zip: entry a.txt is encrypted, which fastc does not read", [=](std::string& b) { b[central + 8] |= 1; }},
      {"x.zip, a.txt: expected an entry at offset 2147483647, found something else", [=](std::string& b) { set(b, central + 42, 0x7fffffff, 4); }},
      {"x.zip, a.txt: expected 2147483647 bytes at offset 64, found the end of the file", [=](std::string& b) { set(b, central + 20, 0x7fffffff, 4); }},
      {"x.zip, a.txt: expected 6 stored bytes, found 5", [=](std::string& b) { set(b, central + 24, 6, 4); }},
      {"x.zip, a.txt: expected a stored or deflated entry, found compression method 12", [=](std::string& b) { set(b, central + 10, 12, 2); }},
      {"x.zip, a.txt: its checksum does not match: the file is damaged", [](std::string& b) { b[64] = 'j'; }},
      {"x.zip, a.txt: expected 5 bytes of deflated data, found damage after 0", [=](std::string& b) { set(b, central + 10, 8, 2); }},
      {"x.zip, a.txt: expected at most 5160 bytes out of 5, found a claim of 2147483647", [=](std::string& b) { set(b, central + 10, 8, 2), set(b, central + 24, 0x7fffffff, 4); }},
  };
  for (const auto& c : kCases) {
    std::string bytes = good;
    c.damage(bytes);
    CHECK(problem(bytes) == c.message);
  }
}

TEST_CASE("the same name twice is refused") {
  const auto dir = TempDir::make();
  const ZipItem items[] = {{"a", {}}, {"a", {}}};
  REQUIRE(write_zip(dir->path() / "x.zip", items));
  CHECK(ZipReader::open(dir->path() / "x.zip").error().message ==
        (dir->path() / "x.zip").string() + ": expected every name once, found a again");
}

TEST_CASE("any truncation and any changed byte is survived") {
  const std::string good = sample();
  for (size_t n = 0; n < good.size(); ++n) CHECK_FALSE(problem(good.substr(0, n)).empty());
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string bytes = good;
      bytes[at] = value;
      (void)problem(bytes);  // an error or not: never a crash, which the sanitizers would show
    }
  }
}
