#include "tasks/stored.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace fastc {
namespace {

template <typename From, typename To>
void convert_as(const std::byte* source, int64_t n, void* target) {
  auto* out = static_cast<To*>(target);
  for (int64_t i = 0; i < n; ++i) {
    From value;
    std::memcpy(&value, source + i * static_cast<int64_t>(sizeof(From)), sizeof(From));
    out[i] = static_cast<To>(value);
  }
}

template <typename From>
void convert_from(const std::byte* source, int64_t n, DType to, void* target) {
  switch (to) {
    case DType::kF32: return convert_as<From, float>(source, n, target);
    case DType::kF64: return convert_as<From, double>(source, n, target);
    case DType::kI64: return convert_as<From, int64_t>(source, n, target);
    case DType::kI32: return convert_as<From, int32_t>(source, n, target);
    case DType::kS8: return convert_as<From, int8_t>(source, n, target);
    default: return convert_as<From, uint8_t>(source, n, target);  // kU8, kBool
  }
}

}  // namespace

std::optional<Stored> stored_of_npy(std::string_view descr) {
  if (descr.size() != 3) return std::nullopt;
  constexpr std::array<std::string_view, 9> kNames = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (descr.substr(1) == kNames[i]) return static_cast<Stored>(i);
  }
  return std::nullopt;
}

size_t size_of(Stored stored) {
  constexpr std::array<size_t, 9> kSizes = {2, 4, 8, 1, 2, 4, 8, 1, 1};
  return kSizes[static_cast<size_t>(stored)];
}

std::string_view name_of(Stored stored) {
  constexpr std::array<std::string_view, 9> kNames = {"float16", "float32", "float64", "int8", "int16",
                                                      "int32",   "int64",   "uint8",   "bool"};
  return kNames[static_cast<size_t>(stored)];
}

bool is_float(Stored stored) { return stored <= Stored::kF64; }

DType natural_dtype(Stored stored) {
  switch (stored) {
    case Stored::kF16:
    case Stored::kF32:
    case Stored::kF64:
    case Stored::kU8: return DType::kF32;  // bytes in a data set are pixels
    case Stored::kI8: return DType::kS8;
    case Stored::kI16:
    case Stored::kI32: return DType::kI32;
    case Stored::kI64: return DType::kI64;
    case Stored::kBool: return DType::kBool;
  }
  return DType::kF32;
}

bool can_convert(Stored from, DType to) {
  if (to == DType::kF32 || to == DType::kF64) return true;
  if (is_float(from)) return false;
  switch (to) {
    case DType::kI64: return true;
    case DType::kI32: return from != Stored::kI64;
    case DType::kS8: return from == Stored::kI8 || from == Stored::kBool;
    case DType::kU8: return from == Stored::kU8 || from == Stored::kBool;
    case DType::kBool: return from == Stored::kBool;
    default: return false;
  }
}

void convert(Stored from, const std::byte* source, int64_t n, DType to, void* target) {
  switch (from) {
    case Stored::kF16:
      for (int64_t i = 0; i < n; ++i) {
        uint16_t bits;
        std::memcpy(&bits, source + 2 * i, 2);
        if (to == DType::kF64) {
          static_cast<double*>(target)[i] = half_to_float(bits);
        } else {
          static_cast<float*>(target)[i] = half_to_float(bits);
        }
      }
      return;
    case Stored::kF32: return convert_from<float>(source, n, to, target);
    case Stored::kF64: return convert_from<double>(source, n, to, target);
    case Stored::kI8: return convert_from<int8_t>(source, n, to, target);
    case Stored::kI16: return convert_from<int16_t>(source, n, to, target);
    case Stored::kI32: return convert_from<int32_t>(source, n, to, target);
    case Stored::kI64: return convert_from<int64_t>(source, n, to, target);
    case Stored::kU8: return convert_from<uint8_t>(source, n, to, target);
    case Stored::kBool:  // any non-zero byte is true
      for (int64_t i = 0; i < n; ++i) {
        const std::byte one{source[i] != std::byte{0}};
        convert_from<uint8_t>(&one, 1, to, static_cast<std::byte*>(target) + i * static_cast<int64_t>(size_of(to)));
      }
      return;
  }
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 0x1f, mantissa = bits & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);  // infinity, NaN
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

}  // namespace fastc
