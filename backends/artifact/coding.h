// Leaves the zeros of packed weights out of the file (backends/runtime/format.h: Coding).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/runtime/format.h"
#include "ir/type.h"

namespace fastc {

struct Code {
  rt::Coding coding = rt::Coding::kNone;  // kNone: the packed bytes go into the file as they are
  uint8_t element_bytes = 0;
  uint32_t count = 0;
  std::vector<std::byte> bytes;
};

// A weight whose encoding promises zeros: 2:4 in the order of sparse tensor cores where every four of its `inputs` (K) holds two zeros,
// anything else as a bitmap where that saves a tenth of the bytes or more. Of int4 nothing is left out: two numbers share a byte.
Code without_zeros(const Encoding& encoding, rt::Packing packing, rt::DType dtype, int64_t inputs, std::span<const std::byte> packed);

}  // namespace fastc
