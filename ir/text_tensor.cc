#include "ir/text_tensor.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace fastc::text {
namespace {

// NaNs keep their bits, infinities their sign; everything else is the shortest text that reads back exactly.
template <typename T, typename Bits>
std::string real_text(T value) {
  constexpr Bits kQuietNan = sizeof(Bits) == 4 ? Bits(0x7fc00000u) : Bits(0x7ff8000000000000ull);
  if (!std::isnan(value)) return std::isinf(value) ? (value < 0 ? "-inf" : "inf") : fmt::format("{}", value);
  const Bits bits = std::bit_cast<Bits>(value);
  return bits == kQuietNan ? "nan" : fmt::format("nan:{:x}", bits);
}

// 16-bit floats go through float; a NaN is written by its 16 bits.
std::string half_text(const Tensor& t, int64_t i) {
  const Tensor one = Tensor::view(t.dtype(), {}, {}, static_cast<const uint16_t*>(t.raw()) + i, t.owner());
  const auto value = static_cast<float>(to_doubles(one)[0]);
  if (std::isnan(value)) return fmt::format("nan:{:x}", *static_cast<const uint16_t*>(one.raw()));
  return real_text<float, uint32_t>(value);
}

std::string element_text(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::kF32:
      return real_text<float, uint32_t>(t.data<float>()[i]);
    case DType::kF64:
      return real_text<double, uint64_t>(t.data<double>()[i]);
    case DType::kF16:
    case DType::kBF16:
      return half_text(t, i);
    case DType::kI64:
      return std::to_string(t.data<int64_t>()[i]);
    case DType::kI32:
      return std::to_string(t.data<int32_t>()[i]);
    case DType::kS8:
      return std::to_string(t.data<int8_t>()[i]);
    case DType::kS16:
      return std::to_string(t.data<int16_t>()[i]);
    case DType::kU8:
      return std::to_string(t.data<uint8_t>()[i]);
    case DType::kBool:
      return static_cast<const uint8_t*>(t.raw())[i] ? "true" : "false";
  }
  return "";
}

std::string nested(const Tensor& t, size_t axis, int64_t& next) {
  if (axis == t.shape().size()) return element_text(t, next++);
  std::string out = "[";
  for (int64_t i = 0; i < t.shape()[axis]; ++i) {
    if (i > 0) out += ", ";
    out += nested(t, axis + 1, next);
  }
  return out + "]";
}

tl::unexpected<Error> expected(DType dtype, std::string_view found) {
  return input_error("expected a number of type {}, found '{}'", name_of(dtype), found.substr(0, 40));
}

template <typename T>
Status set_integer(T* to, std::string_view text, DType dtype) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *to);
  if (error != std::errc() || end != text.data() + text.size()) return expected(dtype, text);
  return {};
}

template <typename T, typename Bits>
Status set_real(T* to, std::string_view text, DType dtype) {
  const bool hex = text.substr(0, 2) == "0x" || text.substr(0, 3) == "-0x";
  if (text.substr(0, 4) == "nan:") {
    Bits bits = 0;
    const auto [end, error] = std::from_chars(text.data() + 4, text.data() + text.size(), bits, 16);
    if (error != std::errc() || end != text.data() + text.size() || !std::isnan(std::bit_cast<T>(bits)))
      return expected(dtype, text);
    std::memcpy(to, &bits, sizeof bits);
    return {};
  }
  std::string digits(text);
  if (hex) digits.erase(digits.find("0x"), 2);
  const auto format = hex ? std::chars_format::hex : std::chars_format::general;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *to, format);
  if (error == std::errc() && end == digits.data() + digits.size()) return {};
  // Out of range: a denormal's underflow or an overflow; the text does not name a number of this type.
  return expected(dtype, text);
}

Status set_half(Tensor& t, int64_t index, std::string_view text) {
  auto* to = static_cast<uint16_t*>(t.mutable_raw()) + index;
  if (text.substr(0, 4) == "nan:") {
    uint16_t bits = 0;
    const auto [end, error] = std::from_chars(text.data() + 4, text.data() + text.size(), bits, 16);
    if (error != std::errc() || end != text.data() + text.size()) return expected(t.dtype(), text);
    *to = bits;
    return {};
  }
  float value = 0;
  FASTC_CHECK((set_real<float, uint32_t>(&value, text, t.dtype())));
  const double wide = value;
  const Tensor one = from_doubles(t.dtype(), {}, {&wide, 1});
  std::memcpy(to, one.raw(), 2);
  return {};
}

}  // namespace

std::string literal(const Tensor& tensor) {
  int64_t next = 0;
  return nested(tensor.to_contiguous(), 0, next);
}

Status set_element(Tensor& t, int64_t index, std::string_view text) {
  void* data = t.mutable_raw();
  switch (t.dtype()) {
    case DType::kF32:
      return set_real<float, uint32_t>(static_cast<float*>(data) + index, text, t.dtype());
    case DType::kF64:
      return set_real<double, uint64_t>(static_cast<double*>(data) + index, text, t.dtype());
    case DType::kF16:
    case DType::kBF16:
      return set_half(t, index, text);
    case DType::kI64:
      return set_integer(static_cast<int64_t*>(data) + index, text, t.dtype());
    case DType::kI32:
      return set_integer(static_cast<int32_t*>(data) + index, text, t.dtype());
    case DType::kS8:
      return set_integer(static_cast<int8_t*>(data) + index, text, t.dtype());
    case DType::kS16:
      return set_integer(static_cast<int16_t*>(data) + index, text, t.dtype());
    case DType::kU8:
      return set_integer(static_cast<uint8_t*>(data) + index, text, t.dtype());
    case DType::kBool:
      if (text != "true" && text != "false" && text != "0" && text != "1") return expected(t.dtype(), text);
      static_cast<uint8_t*>(data)[index] = text == "true" || text == "1";
      return {};
  }
  return {};
}

}  // namespace fastc::text
