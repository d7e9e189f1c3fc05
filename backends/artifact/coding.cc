#include "backends/artifact/coding.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>

#include "ir/tensor.h"

namespace fastc {
namespace {

using Bytes = std::span<const std::byte>;

void append(std::vector<std::byte>& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

// Bits written from the lowest of each 32-bit word on.
class Words {
 public:
  Words(size_t count, uint32_t fill) : words_(count, fill) {}
  void set(size_t word, size_t bit, uint32_t mask, uint32_t value) { words_[word] = (words_[word] & ~(mask << bit)) | value << bit; }
  Bytes bytes() const { return std::as_bytes(std::span(words_)); }

 private:
  std::vector<uint32_t> words_;
};

Code finish(rt::Coding coding, size_t element, size_t count, Bytes first, Bytes second) {
  Code code{coding, static_cast<uint8_t>(element), 0, static_cast<uint32_t>(count), {first.begin(), first.end()}};
  append(code.bytes, second);
  return code;
}

// Elements of a packed weight. Masks leave −0 where a negative float was; it adds nothing, as 0 does.
struct Elements {
  Bytes bytes;
  size_t size;
  bool floating;

  size_t count() const { return bytes.size() / size; }
  Bytes at(size_t i) const { return bytes.subspan(i * size, size); }
  bool is_zero(size_t i) const {
    const Bytes element = at(i);
    const std::byte last = element.back() & (floating ? std::byte{0x7f} : std::byte{0xff});
    return last == std::byte{0} && std::all_of(element.begin(), element.end() - 1, [](std::byte b) { return b == std::byte{0}; });
  }
};

// kNone where a four holds more than two numbers. A four that holds fewer keeps a zero or two: there are always two places, the first before the second.
Code two_four(rt::Packing packing, int64_t inputs, const Elements& packed) {
  const uint64_t quad = packing == rt::Packing::kPanel16x4 ? 4 : 1;
  const auto k = static_cast<uint64_t>(inputs), rows = packed.count() / k, words = (k + 31) / 32;
  std::vector<std::byte> kept;
  Words places(rows * words, 0x44444444);  // first and second of four: valid where K ends within a word
  for (uint64_t row = 0; row < rows; ++row) {
    for (uint64_t four = 0; four < k / 4; ++four) {
      const auto element = [&](uint32_t i) { return rt::panel_element(row, four * 4 + i, k, quad); };
      uint32_t at[4] = {1}, count = 0;
      for (uint32_t i = 0; i < 4; ++i)
        if (!packed.is_zero(element(i))) at[count++] = i;
      if (count > 2) return {};
      if (count < 2) at[1] = std::max(at[0], 1u), at[0] = 0;
      places.set(row * words + four / 8, four % 8 * 4, 15, at[0] | at[1] << 2);
      append(kept, packed.at(element(at[0])));
      append(kept, packed.at(element(at[1])));
    }
  }
  return finish(rt::Coding::kTwoFour, packed.size, k, kept, places.bytes());
}

Code bitmap(const Elements& packed) {
  std::vector<std::byte> kept;
  Words bits((packed.count() + 31) / 32, 0);
  for (size_t i = 0; i < packed.count(); ++i) {
    if (packed.is_zero(i)) continue;
    bits.set(i / 32, i % 32, 1, 1);
    append(kept, packed.at(i));
  }
  return finish(rt::Coding::kBitmap, packed.size, packed.count(), bits.bytes(), kept);
}

// Fields of a few bits each from the lowest bit of each byte on; of three levels, five numbers a byte.
class Codes {
 public:
  explicit Codes(unsigned levels) : levels_(levels), bits_(levels == 3 ? 0 : static_cast<unsigned>(std::countr_zero(levels))) {}
  void add(int number) {
    if (bits_ > 0) return field(static_cast<unsigned>(number) & (levels_ - 1), bits_);
    if (count_ == 0) power_ = 1, bytes_.push_back(std::byte{0});
    bytes_.back() = static_cast<std::byte>(static_cast<unsigned>(bytes_.back()) + static_cast<unsigned>(number + 1) * power_);
    power_ *= 3, count_ = (count_ + 1) % 5;
  }
  void field(unsigned value, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i, count_ = (count_ + 1) % 8) {
      if (count_ == 0) bytes_.push_back(std::byte{0});
      bytes_.back() |= static_cast<std::byte>((value >> i & 1) << count_);
    }
  }
  Bytes bytes() const { return bytes_; }

 private:
  unsigned levels_, bits_, count_ = 0, power_ = 1;  // count_: bits or numbers in the last byte
  std::vector<std::byte> bytes_;
};

std::span<const int8_t> integers(Bytes packed) { return {reinterpret_cast<const int8_t*>(packed.data()), packed.size()}; }

// The fewest levels that hold these numbers: 3, a power of two, or 256 where a code would be a byte.
unsigned levels_of(std::span<const int8_t> numbers) {
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  if (*low >= -1 && *high <= 1) return 3;
  unsigned levels = 4;
  while (*low < -static_cast<int>(levels / 2) || *high >= static_cast<int>(levels / 2)) levels *= 2;
  return levels;
}

Code few_bits(Bytes packed) {
  const auto numbers = integers(packed);
  const unsigned levels = levels_of(numbers);
  if (levels > 128) return {};
  Codes codes(levels);
  for (const int8_t q : numbers) codes.add(q);
  Code code = finish(rt::Coding::kFewBits, 1, packed.size(), codes.bytes(), {});
  code.levels = static_cast<uint8_t>(levels);
  return code;
}

// Divides all numbers and leaves codes in ±most: the smallest such integer, which is never above the multiplier that they were made with. 0: there is none.
int divisor_of(std::span<const int8_t> numbers, int most) {
  int common = 0, largest = 0;
  for (const int8_t q : numbers) common = std::gcd(common, std::abs(int{q})), largest = std::max(largest, std::abs(int{q}));
  for (int m = 1; m <= std::max(common, 1); ++m)
    if (common % m == 0 && largest <= m * most) return m;
  return 0;
}

// kNone where a group's numbers are no integer times a code of the encoding's bits.
Code groups(const Encoding& e, rt::Packing packing, int64_t inputs, int64_t positions, Bytes packed) {
  const bool plain = packing == rt::Packing::kPlain;
  const uint64_t quad = packing == rt::Packing::kPanel16x4 ? 4 : 1, k = static_cast<uint64_t>(inputs), p = static_cast<uint64_t>(positions), padded = (k + quad - 1) / quad * quad;
  if (!plain && quad == 1 && packing != rt::Packing::kPanel16) return {};
  const auto from = integers(packed);
  std::vector<int> multipliers;
  std::vector<int8_t> all, group;
  for (uint64_t row = 0; row < packed.size() / padded; ++row)
    for (uint64_t first = 0; first < k; first += group.size()) {
      group.clear();
      for (uint64_t j = first; j < std::min(k, first + static_cast<uint64_t>(e.group_size)); ++j) {
        const uint64_t i = j % p * (k / p) + j / p;
        group.push_back(from[plain ? row * k + i : rt::panel_element(row, i, padded, quad)]);
      }
      multipliers.push_back(divisor_of(group, (1 << (e.bits - 1)) - 1));
      if (multipliers.back() == 0) return {};
      for (const int8_t q : group) all.push_back(static_cast<int8_t>(q / multipliers.back()));
    }
  const unsigned levels = levels_of(all), most = static_cast<unsigned>(*std::max_element(multipliers.begin(), multipliers.end())), bits = std::bit_width(most);
  if (most > rt::most_multiplier(levels)) return {};
  Codes fields(4), codes(levels);
  for (const int m : multipliers) fields.field(static_cast<unsigned>(m), bits);
  for (const int8_t q : all) codes.add(q);
  const rt::GroupsHeader header{static_cast<uint32_t>(inputs), static_cast<uint32_t>(positions), static_cast<uint32_t>(std::min(inputs, e.group_size)), bits};
  Code code = finish(rt::Coding::kGroups, 1, packed.size(), std::as_bytes(std::span(&header, 1)), fields.bytes());
  append(code.bytes, codes.bytes());
  code.levels = static_cast<uint8_t>(levels);
  return code;
}

Code without_zeros(const Encoding& e, rt::Packing packing, int64_t inputs, const Elements& elements) {
  if (e.sparsity == Encoding::Sparsity::kNone) return {};
  const bool panels = packing == rt::Packing::kPanel16 || packing == rt::Packing::kPanel16x4;
  if (e.sparsity == Encoding::Sparsity::kNofM && e.n == 2 && e.m == 4 && panels && inputs % 4 == 0) {
    Code code = two_four(packing, inputs, elements);
    if (code.coding != rt::Coding::kNone) return code;
  }
  return bitmap(elements);
}

void keep_shorter(Code& code, Code other) {
  if (other.coding != rt::Coding::kNone && (code.coding == rt::Coding::kNone || other.bytes.size() < code.bytes.size())) code = std::move(other);
}

}  // namespace

Code shortest_code(const Encoding& e, rt::Packing packing, rt::DType dtype, int64_t inputs, Bytes packed, int64_t positions) {
  const bool floating = dtype == rt::DType::kF32 || dtype == rt::DType::kF16 || dtype == rt::DType::kBF16;
  const Elements elements{packed, size_of(static_cast<DType>(dtype)), floating};
  const bool nibbles = packing == rt::Packing::kNibbles16 || packing == rt::Packing::kNibbles;
  if (nibbles || !(floating || dtype == rt::DType::kS8)) return {};
  if (elements.count() == 0 || elements.count() > std::numeric_limits<uint32_t>::max()) return {};
  Code code = without_zeros(e, packing, inputs, elements);
  if (!floating) keep_shorter(code, few_bits(packed));
  if (!floating && e.group_size > 0 && e.bits < 8) keep_shorter(code, groups(e, packing, inputs, positions, packed));
  const bool kept = code.coding == rt::Coding::kTwoFour || 10 * code.bytes.size() <= 9 * packed.size();
  return kept ? code : Code{};
}

}  // namespace fastc
