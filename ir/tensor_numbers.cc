// Tensors of any numeric dtype as doubles, and back.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "ir/tensor.h"

namespace fastc {
namespace {

double half_value(uint16_t bits) {
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31)
    return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

double bfloat_value(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t half_bits(double value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::fabs(value);
  if (std::isnan(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;  // rounds past 65504, the largest half
  int exponent = 0;
  std::frexp(size, &exponent);
  exponent = std::max(exponent, -13);                                     // below 2^-14 the spacing stays 2^-24
  const double scaled = std::nearbyint(std::ldexp(size, 11 - exponent));  // in units of the last place; ties to even
  const auto units = static_cast<uint32_t>(scaled);
  // A carry out of the fraction lands in the exponent, as it should.
  return sign |
         static_cast<uint16_t>(units < 1024 ? units : units - 1024 + (static_cast<uint32_t>(exponent + 14) << 10));
}

uint16_t bfloat_bits(double value) {
  if (std::isnan(value)) return 0x7fc0;
  const uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  if (std::isinf(static_cast<float>(value))) return static_cast<uint16_t>(bits >> 16);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

template <typename T>
T clamped(double value) {
  if (std::isnan(value)) return 0;
  const double rounded = std::nearbyint(value);
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (rounded >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(rounded);
}

template <typename T, typename F>
void read(const Tensor& t, std::vector<double>& out, F value) {
  const T* data = static_cast<const T*>(t.raw());
  for (size_t i = 0; i < out.size(); ++i) out[i] = value(data[i]);
}

template <typename T, typename F>
void write(Tensor& t, std::span<const double> values, F convert) {
  T* data = static_cast<T*>(t.mutable_raw());
  for (size_t i = 0; i < values.size(); ++i) data[i] = convert(values[i]);
}

}  // namespace

std::vector<double> to_doubles(const Tensor& tensor) {
  const Tensor t = tensor.to_contiguous();
  std::vector<double> out(static_cast<size_t>(t.elements()));
  const auto plain = [](auto v) { return static_cast<double>(v); };
  switch (t.dtype()) {
    case DType::kF32:
      read<float>(t, out, plain);
      break;
    case DType::kF64:
      read<double>(t, out, plain);
      break;
    case DType::kI64:
      read<int64_t>(t, out, plain);
      break;
    case DType::kI32:
      read<int32_t>(t, out, plain);
      break;
    case DType::kS8:
      read<int8_t>(t, out, plain);
      break;
    case DType::kS16:
      read<int16_t>(t, out, plain);
      break;
    case DType::kU8:
      read<uint8_t>(t, out, plain);
      break;
    case DType::kBool:
      read<uint8_t>(t, out, [](uint8_t v) { return v != 0 ? 1.0 : 0.0; });
      break;
    case DType::kF16:
      read<uint16_t>(t, out, half_value);
      break;
    case DType::kBF16:
      read<uint16_t>(t, out, bfloat_value);
      break;
  }
  return out;
}

Tensor from_doubles(DType dtype, std::vector<int64_t> shape, std::span<const double> values) {
  Tensor t = Tensor::zeros(dtype, std::move(shape));
  assert(static_cast<size_t>(t.elements()) == values.size());
  switch (dtype) {
    case DType::kF32:
      write<float>(t, values, [](double v) { return static_cast<float>(v); });
      break;
    case DType::kF64:
      write<double>(t, values, [](double v) { return v; });
      break;
    case DType::kI64:
      write<int64_t>(t, values, clamped<int64_t>);
      break;
    case DType::kI32:
      write<int32_t>(t, values, clamped<int32_t>);
      break;
    case DType::kS8:
      write<int8_t>(t, values, clamped<int8_t>);
      break;
    case DType::kS16:
      write<int16_t>(t, values, clamped<int16_t>);
      break;
    case DType::kU8:
      write<uint8_t>(t, values, clamped<uint8_t>);
      break;
    case DType::kBool:
      write<uint8_t>(t, values, [](double v) { return static_cast<uint8_t>(v != 0); });
      break;
    case DType::kF16:
      write<uint16_t>(t, values, half_bits);
      break;
    case DType::kBF16:
      write<uint16_t>(t, values, bfloat_bits);
      break;
  }
  return t;
}

}  // namespace fastc
