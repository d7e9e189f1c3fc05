// The shortest code for packed weights in the file (backends/runtime/format.h: Coding): without their zeros, or in as few bits as their integers need.
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
  uint8_t element_bytes = 0, levels = 0;
  uint32_t count = 0;
  std::vector<std::byte> bytes;
};

// Of a weight whose encoding promises zeros: 2:4 in the order of sparse tensor cores where every four of its `inputs` (K, of them `positions` = kh·kw to a channel)
// holds two zeros, else a bitmap. Of int8: codes of few levels, found in the numbers themselves, in the encoding's groups where it has some (ir/multiples.h). The shortest is taken, where it saves a tenth of the
// bytes or more: what is coded is not mapped but decoded into memory. Nibbles hold two numbers a byte and stay as they are.
Code shortest_code(const Encoding& encoding, rt::Packing packing, rt::DType dtype, int64_t inputs, std::span<const std::byte> packed,
                   int64_t positions = 1);

}  // namespace fastc
