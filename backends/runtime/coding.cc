#include "coding.h"

#include <cstring>

namespace fastc::rt {
namespace {

uint64_t row_bytes(const ConstantRecord& c) { return uint64_t{c.count} / 2 * c.element_bytes + (uint64_t{c.count} + 31) / 32 * 4; }
uint64_t bitmap_bytes(const ConstantRecord& c) { return (uint64_t{c.count} + 31) / 32 * 4; }

// Both walks check when `to` is null and write when it is not.
template <typename T>
bool two_four(const ConstantRecord& c, const uint8_t* code, T* to) {
  const uint64_t k = c.count, rows = c.bytes / row_bytes(c), words = (k + 31) / 32;
  const uint64_t quad = c.packing == static_cast<uint8_t>(Packing::kPanel16x4) ? 4 : 1;
  const auto* kept = reinterpret_cast<const T*>(code);
  const auto* indices = reinterpret_cast<const uint32_t*>(code + rows * (k / 2) * sizeof(T));
  for (uint64_t row = 0; row < rows; ++row) {
    for (uint64_t four = 0; four < k / 4; ++four, kept += 2) {
      const uint32_t bits = indices[row * words + four / 8] >> four % 8 * 4, first = bits & 3, second = bits >> 2 & 3;
      if (first >= second) return false;
      if (to == nullptr) continue;
      to[panel_element(row, four * 4 + first, k, quad)] = kept[0];
      to[panel_element(row, four * 4 + second, k, quad)] = kept[1];
    }
  }
  return true;
}

template <typename T>
bool bitmap(const ConstantRecord& c, const uint8_t* code, T* to) {
  const auto* bits = reinterpret_cast<const uint32_t*>(code);
  const auto* kept = reinterpret_cast<const T*>(code + bitmap_bytes(c));
  const uint64_t count = (c.bytes - bitmap_bytes(c)) / sizeof(T);
  uint64_t used = 0;
  for (uint64_t i = 0; i < c.count; ++i) {
    if ((bits[i / 32] >> i % 32 & 1) == 0) continue;
    if (used == count) return false;
    if (to != nullptr) to[i] = kept[used];
    ++used;
  }
  return used == count;
}

template <typename T>
bool walk(const ConstantRecord& c, const uint8_t* code, uint8_t* to) {
  auto* elements = reinterpret_cast<T*>(to);
  return c.coding == static_cast<uint8_t>(Coding::kTwoFour) ? two_four(c, code, elements) : bitmap(c, code, elements);
}

bool walk(const ConstantRecord& c, const uint8_t* code, uint8_t* to) {
  return c.element_bytes == 1 ? walk<uint8_t>(c, code, to) : c.element_bytes == 2 ? walk<uint16_t>(c, code, to) : walk<uint32_t>(c, code, to);
}

}  // namespace

uint64_t decoded_bytes(const ConstantRecord& c) {
  if (c.coding == static_cast<uint8_t>(Coding::kNone)) return c.bytes;
  const uint64_t rows = c.coding == static_cast<uint8_t>(Coding::kTwoFour) ? c.bytes / row_bytes(c) : 1;
  return rows * c.count * c.element_bytes;
}

bool check_code(const ConstantRecord& c, const uint8_t* code) {
  if (c.coding == static_cast<uint8_t>(Coding::kNone)) return true;
  if (c.coding > kLastCoding || (c.element_bytes != 1 && c.element_bytes != 2 && c.element_bytes != 4)) return false;
  if (c.coding == static_cast<uint8_t>(Coding::kBitmap)) {
    if (c.bytes < bitmap_bytes(c) || (c.bytes - bitmap_bytes(c)) % c.element_bytes != 0) return false;
  } else {
    const bool panels = c.packing == static_cast<uint8_t>(Packing::kPanel16) || c.packing == static_cast<uint8_t>(Packing::kPanel16x4);
    if (!panels || c.count == 0 || c.count % 4 != 0 || c.bytes % (16 * row_bytes(c)) != 0) return false;
  }
  return walk(c, code, nullptr);
}

void decode(const ConstantRecord& c, const uint8_t* code, uint8_t* to) {
  std::memset(to, 0, decoded_bytes(c));
  walk(c, code, to);
}

}  // namespace fastc::rt
