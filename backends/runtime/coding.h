// Constants that lie in the file as a shorter code (format.h: Coding).
#pragma once

#include "format.h"

namespace fastc::rt {

// Of the packing that kernels read.
uint64_t decoded_bytes(const ConstantRecord& constant);
// `code`: the constant's bytes in the file, all inside it. Whether its lengths, indices and number of kept elements fit each other: what decode() relies on.
bool check_code(const ConstantRecord& constant, const uint8_t* code);
void decode(const ConstantRecord& constant, const uint8_t* code, uint8_t* to);  // decoded_bytes(constant) of them

}  // namespace fastc::rt
