// How a data file keeps its numbers, and their conversion to what the network takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ir/tensor.h"

namespace fastc {

enum class Stored : uint8_t { kF16, kF32, kF64, kI8, kI16, kI32, kI64, kU8, kBool };

std::optional<Stored> stored_of_npy(std::string_view descr);  // "<f4" → kF32
size_t size_of(Stored stored);
std::string_view name_of(Stored stored);  // "float32", "uint8" …
bool is_float(Stored stored);

// What such numbers are delivered as when the network does not say: u8 and all floats as f32, integers as they are.
DType natural_dtype(Stored stored);
// Whether the conversion keeps every value (floats may be rounded): integers never become narrower, floats never integers.
bool can_convert(Stored from, DType to);

// `n` numbers, packed, of any alignment; the pair must be can_convert.
void convert(Stored from, const std::byte* source, int64_t n, DType to, void* target);

float half_to_float(uint16_t bits);  // IEEE 754 binary16, exact

}  // namespace fastc
