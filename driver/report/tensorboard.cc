#include "driver/report/tensorboard.h"

#include <array>
#include <bit>
#include <chrono>
#include <cmath>

#include "base/files.h"

namespace fastc {
namespace {

constexpr const char* kFile = "events.out.tfevents.fastc";

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    table[i] = crc;
  }
  return table;
}

template <typename T>
std::string little_endian(T value) {
  std::string out;
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  return out + static_cast<char>(value);
}

// Protobuf: a field's number and kind (0 varint, 1 eight bytes, 2 with its length, 5 four bytes), then its bytes.
std::string key(int field, int kind) { return varint(static_cast<uint64_t>(field << 3 | kind)); }
std::string message(int field, const std::string& bytes) { return key(field, 2) + varint(bytes.size()) + bytes; }

std::string event(double wall_time, int64_t step, const std::string& what) {
  return key(1, 1) + little_endian(std::bit_cast<uint64_t>(wall_time)) + key(2, 0) + varint(static_cast<uint64_t>(step)) + what;
}

// So that the CRC of data that holds CRCs is not a special one (tensorflow/core/lib/hash/crc32c.h).
uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

std::string record(const std::string& data) {
  const std::string length = little_endian(static_cast<uint64_t>(data.size()));
  return length + little_endian(masked(crc32c(length))) + data + little_endian(masked(crc32c(data)));
}

std::string first_record(double wall_time) { return record(event(wall_time, 0, message(3, "brain.Event:2"))); }  // file_version

std::string point_record(const CurvePoint& p, double wall_time) {
  const std::string value = message(1, p.series) + key(2, 5) + little_endian(std::bit_cast<uint32_t>(static_cast<float>(p.y)));  // tag, simple_value
  return record(event(wall_time, std::llround(p.x), message(5, message(1, value))));                                             // summary, value
}

double seconds_now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = make_table();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

std::string tensorboard_events(std::span<const CurvePoint> points, double wall_time) {
  std::string out = first_record(wall_time);
  for (const CurvePoint& p : points) out += point_record(p, wall_time);
  return out;
}

Status write_tensorboard(const std::filesystem::path& folder, std::span<const CurvePoint> points) {
  if (points.empty()) return {};
  FASTC_CHECK(make_folders(folder));
  return write_atomic(folder / kFile, tensorboard_events(points, seconds_now()));
}

void LiveCurves::add(const CurvePoint& point) {
  if (!status_) return;
  const double now = seconds_now();
  if (written_.empty()) {
    status_ = make_folders(folder_);
    if (!status_) return;
    file_.open(folder_ / kFile, std::ios::binary | std::ios::trunc);
    file_ << first_record(now);
  }
  file_ << point_record(point, now) << std::flush;
  if (!file_) status_ = input_error("{}: cannot be written", (folder_ / kFile).string());
  written_.emplace(point.series, point.x);
}

Status LiveCurves::finish(std::span<const CurvePoint> curves) {
  if (status_ && written_.empty()) return write_tensorboard(folder_, curves);
  for (const CurvePoint& point : curves)
    if (!written_.contains({point.series, point.x})) add(point);
  return status_;
}

}  // namespace fastc
