#include "coding.h"

#include <algorithm>
#include <bit>
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

// The codes of kFewBits, one after the other.
class Codes {
 public:
  Codes(const uint8_t* from, unsigned levels) : from_(from), bits_(bits_of(levels)) {}
  static uint64_t bytes(uint64_t count, unsigned levels) { return levels == 3 ? (count + 4) / 5 : (count * bits_of(levels) + 7) / 8; }
  static bool valid(unsigned levels) { return levels == 3 || (levels >= 4 && levels <= 128 && (levels & (levels - 1)) == 0); }
  static bool valid(const uint8_t* code, uint64_t count, unsigned levels) {
    const uint8_t* end = code + bytes(count, levels);
    return levels != 3 || std::all_of(code, end, [](uint8_t b) { return b <= 242; });
  }

  __attribute__((always_inline)) int next() {
    if (bits_ == 0) {
      if (left_ == 0) buffer_ = *from_++, left_ = 5;
      const unsigned rest = buffer_ * 171 >> 9;  // ⌊buffer/3⌋ of a byte
      const int digit = static_cast<int>(buffer_ - 3 * rest) - 1;
      buffer_ = rest, --left_;
      return digit;
    }
    const int code = static_cast<int>(field(bits_)), half = 1 << (bits_ - 1);
    return (code ^ half) - half;
  }
  __attribute__((always_inline)) unsigned field(unsigned bits) {
    if (left_ < bits) buffer_ |= static_cast<unsigned>(*from_++) << left_, left_ += 8;
    const unsigned value = buffer_ & ((1u << bits) - 1);
    buffer_ >>= bits, left_ -= bits;
    return value;
  }

 private:
  static unsigned bits_of(unsigned levels) { return levels == 3 ? 0 : static_cast<unsigned>(std::countr_zero(levels)); }

  const uint8_t* from_;
  unsigned bits_, buffer_ = 0, left_ = 0;  // left_: bits, or numbers, that the buffer still holds
};

void decode_few_bits(const ConstantRecord& c, const uint8_t* code, uint8_t* to) {
  Codes codes(code, c.levels);
  for (uint64_t i = 0; i < c.count; ++i) to[i] = static_cast<uint8_t>(codes.next());
}

struct Groups {
  uint64_t inputs = 0, padded = 0, channels = 0, positions = 0, group = 0, per_row = 0, rows = 0;
  unsigned multiplier_bits = 0, quad = 0;  // quad 0: kPlain
  const uint8_t *multipliers = nullptr, *codes = nullptr;
};

// Whether lengths fit each other. `count` bounds all products: they stay below 2^40.
bool read_groups(const ConstantRecord& c, const uint8_t* code, Groups& g) {
  GroupsHeader header;
  if (c.bytes < sizeof header) return false;
  std::memcpy(&header, code, sizeof header);
  if (header.inputs == 0 || header.positions == 0 || header.inputs % header.positions != 0) return false;
  if (header.group == 0 || header.multiplier_bits < 1 || header.multiplier_bits > 7) return false;
  g.inputs = header.inputs, g.positions = header.positions, g.group = header.group, g.multiplier_bits = header.multiplier_bits;
  g.channels = g.inputs / g.positions, g.per_row = (g.inputs + g.group - 1) / g.group;
  const bool plain = c.packing == static_cast<uint8_t>(Packing::kPlain), four = c.packing == static_cast<uint8_t>(Packing::kPanel16x4);
  if (!plain && !four && c.packing != static_cast<uint8_t>(Packing::kPanel16)) return false;
  g.quad = plain ? 0 : four ? 4 : 1;
  g.padded = four ? (g.inputs + 3) / 4 * 4 : g.inputs;
  if (c.count % ((plain ? 1 : 16) * g.padded) != 0) return false;
  g.rows = c.count / g.padded;
  const uint64_t multipliers = (g.rows * g.per_row * g.multiplier_bits + 7) / 8;
  g.multipliers = code + sizeof header, g.codes = g.multipliers + multipliers;
  return c.bytes == sizeof header + multipliers + Codes::bytes(g.rows * g.inputs, c.levels);
}

bool check_groups(const ConstantRecord& c, const uint8_t* code) {
  Groups g;
  if (!read_groups(c, code, g) || !Codes::valid(g.codes, g.rows * g.inputs, c.levels)) return false;
  Codes multipliers(g.multipliers, 4);
  for (uint64_t i = 0; i < g.rows * g.per_row; ++i) {
    const unsigned m = multipliers.field(g.multiplier_bits);
    if (m == 0 || m > most_multiplier(c.levels)) return false;
  }
  return true;
}

void decode_groups(const ConstantRecord& c, const uint8_t* code, uint8_t* to) {
  Groups g;
  read_groups(c, code, g);
  Codes multipliers(g.multipliers, 4), codes(g.codes, c.levels);
  const uint64_t block = g.quad == 0 ? 1 : 16 * g.quad, mask = g.quad == 4 ? 3 : 0, shift = g.quad == 4 ? 2 : 0;  // as panel_element()
  for (uint64_t row = 0; row < g.rows; ++row) {
    uint8_t* const first = to + (g.quad == 0 ? row * g.inputs : panel_element(row, 0, g.padded, g.quad));
    uint64_t k = 0, left = 0, channel = 0;
    int multiplier = 0;
    for (uint64_t j = 0; j < g.inputs; ++j, --left, k += g.channels) {
      if (left == 0) multiplier = static_cast<int>(multipliers.field(g.multiplier_bits)), left = g.group;
      if (k >= g.inputs) k = ++channel;
      first[(k >> shift) * block + (k & mask)] = static_cast<uint8_t>(multiplier * codes.next());
    }
  }
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
  const bool few = c.coding == static_cast<uint8_t>(Coding::kFewBits);
  if (few || c.coding == static_cast<uint8_t>(Coding::kGroups)) {
    if (c.element_bytes != 1 || !Codes::valid(c.levels)) return false;
    return few ? c.bytes == Codes::bytes(c.count, c.levels) && Codes::valid(code, c.count, c.levels) : check_groups(c, code);
  }
  if (c.coding == static_cast<uint8_t>(Coding::kBitmap)) {
    if (c.bytes < bitmap_bytes(c) || (c.bytes - bitmap_bytes(c)) % c.element_bytes != 0) return false;
  } else {
    const bool panels = c.packing == static_cast<uint8_t>(Packing::kPanel16) || c.packing == static_cast<uint8_t>(Packing::kPanel16x4);
    if (!panels || c.count == 0 || c.count % 4 != 0 || c.bytes % (16 * row_bytes(c)) != 0) return false;
  }
  return walk(c, code, nullptr);
}

void decode(const ConstantRecord& c, const uint8_t* code, uint8_t* to) {
  if (c.coding == static_cast<uint8_t>(Coding::kFewBits)) return decode_few_bits(c, code, to);
  std::memset(to, 0, decoded_bytes(c));
  if (c.coding == static_cast<uint8_t>(Coding::kGroups)) return decode_groups(c, code, to);
  walk(c, code, to);
}

}  // namespace fastc::rt
