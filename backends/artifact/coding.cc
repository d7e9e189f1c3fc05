#include "backends/artifact/coding.h"

#include <algorithm>
#include <cstring>
#include <limits>

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
  Code code{coding, static_cast<uint8_t>(element), static_cast<uint32_t>(count), {first.begin(), first.end()}};
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

}  // namespace

Code without_zeros(const Encoding& e, rt::Packing packing, rt::DType dtype, int64_t inputs, Bytes packed) {
  const bool floating = dtype == rt::DType::kF32 || dtype == rt::DType::kF16 || dtype == rt::DType::kBF16;
  const Elements elements{packed, size_of(static_cast<DType>(dtype)), floating};
  const bool nibbles = packing == rt::Packing::kNibbles16 || packing == rt::Packing::kNibbles;
  if (e.sparsity == Encoding::Sparsity::kNone || nibbles || !(floating || dtype == rt::DType::kS8)) return {};
  if (elements.count() == 0 || elements.count() > std::numeric_limits<uint32_t>::max()) return {};
  const bool panels = packing == rt::Packing::kPanel16 || packing == rt::Packing::kPanel16x4;
  if (e.sparsity == Encoding::Sparsity::kNofM && e.n == 2 && e.m == 4 && panels && inputs % 4 == 0) {
    Code code = two_four(packing, inputs, elements);
    if (code.coding != rt::Coding::kNone) return code;
  }
  Code code = bitmap(elements);
  return 10 * code.bytes.size() <= 9 * packed.size() ? code : Code{};
}

}  // namespace fastc
