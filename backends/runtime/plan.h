// Sizes: dimension code evaluated for concrete inputs, symbols bound from the inputs' shapes, every value's shape and bytes.
#pragma once

#include <cstdint>

#include "reader.h"

namespace fastc::rt {

constexpr uint32_t kMaxSymbols = 64;

// A value's shape in logical (PyTorch) order and its dense size.
struct Extent {
  int64_t shape[kMaxRank] = {};
  int32_t rank = 0;
  int64_t elements = 0;
  uint64_t bytes = 0;
};

size_t dtype_bytes(DType dtype);
const char* dtype_name(DType dtype);

// `symbols` holds a size a symbol. Fails on overflow, on a division by zero and on a negative size.
bool evaluate_dim(const Program& program, const DimRecord& dim, const int64_t* symbols, int64_t& size, Error& error);

// The smallest and largest size over all allowed symbols (interval arithmetic: a bound, not always reached).
bool dim_range(const Program& program, const DimRecord& dim, int64_t& smallest, int64_t& largest);

bool value_extent(const Program& program, const ValueRecord& value, const int64_t* symbols, Extent& extent, Error& error);

// Reads the symbols off the inputs' shapes and checks every input against what the program says: count, dtype, rank, sizes,
// ranges. Errors: FASTC_RT_BAD_ARGUMENT, naming input and axis.
bool bind_symbols(const Program& program, const fastc_rt_tensor* inputs, int32_t count, int64_t* symbols, Error& error);

}  // namespace fastc::rt
