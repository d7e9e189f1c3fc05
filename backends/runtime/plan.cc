#include "plan.h"

#include <algorithm>

namespace fastc::rt {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 46;

bool floor_div(int64_t a, int64_t b, int64_t& out) {
  if (b == 0 || (a == INT64_MIN && b == -1)) return false;
  out = a / b;
  if (a % b != 0 && (a < 0) != (b < 0)) --out;
  return true;
}

bool apply(DimOp op, int64_t a, int64_t b, int64_t& out) {
  switch (op) {
    case DimOp::kAdd: return !__builtin_add_overflow(a, b, &out);
    case DimOp::kMul: return !__builtin_mul_overflow(a, b, &out);
    case DimOp::kFloorDiv: return floor_div(a, b, out);
    default: return false;
  }
}

struct Interval {
  int64_t low, high;
};

bool apply(DimOp op, Interval a, Interval b, Interval& out) {
  if (op == DimOp::kFloorDiv && b.low <= 0 && b.high >= 0) return false;
  int64_t corners[4];
  if (!apply(op, a.low, b.low, corners[0]) || !apply(op, a.low, b.high, corners[1]) || !apply(op, a.high, b.low, corners[2]) ||
      !apply(op, a.high, b.high, corners[3])) {
    return false;
  }
  out = {*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4)};
  return true;
}

// One walk over the postfix code, on numbers or on intervals. The reader has checked the stack's depth.
template <typename Number, typename Leaf>
bool walk(const Program& program, const DimRecord& dim, Leaf leaf, Number& result) {
  Number stack[kMaxDimStack];
  uint32_t depth = 0;
  for (const DimToken& token : program.code.subspan(dim.code_first, dim.code_count)) {
    const DimOp op = static_cast<DimOp>(token.op);
    if (op == DimOp::kConst || op == DimOp::kSymbol) {
      stack[depth++] = leaf(op, token.value);
      continue;
    }
    Number value;
    if (!apply(op, stack[depth - 2], stack[depth - 1], value)) return false;
    stack[--depth - 1] = value;
  }
  result = stack[0];
  return true;
}

}  // namespace

size_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::kF64: case DType::kI64: return 8;
    case DType::kF32: case DType::kI32: return 4;
    case DType::kF16: case DType::kBF16: case DType::kS16: return 2;
    default: return 1;
  }
}

const char* dtype_name(DType dtype) {
  static constexpr const char* kNames[] = {"float32", "float16", "bfloat16", "float64", "int64", "int32", "int8", "uint8", "bool", "int16"};
  return static_cast<uint8_t>(dtype) <= 9 ? kNames[static_cast<uint8_t>(dtype)] : "unknown";
}

bool evaluate_dim(const Program& program, const DimRecord& dim, const int64_t* symbols, int64_t& size, Error& error) {
  if (dim.code_count == 0) {
    size = dim.value;
    return true;
  }
  const auto leaf = [&](DimOp op, int64_t value) { return op == DimOp::kConst ? value : symbols[value]; };
  if (!walk<int64_t>(program, dim, leaf, size)) {
    return fail(error, FASTC_RT_BAD_ARGUMENT, "a size overflows, or divides by zero, for these input shapes");
  }
  if (size < 0 || size > kMaxDim) {
    return fail(error, FASTC_RT_BAD_ARGUMENT, "these input shapes give an inner tensor the size %lld", (long long)size);
  }
  return true;
}

bool dim_range(const Program& program, const DimRecord& dim, int64_t& smallest, int64_t& largest) {
  if (dim.code_count == 0) {
    smallest = largest = dim.value;
    return true;
  }
  const auto leaf = [&](DimOp op, int64_t value) {
    return op == DimOp::kConst ? Interval{value, value} : Interval{program.symbols[value].min, program.symbols[value].max};
  };
  Interval range;
  if (!walk<Interval>(program, dim, leaf, range)) return false;
  smallest = std::max<int64_t>(range.low, 0);
  largest = range.high;
  return true;
}

bool value_extent(const Program& program, const ValueRecord& value, const int64_t* symbols, Extent& extent, Error& error) {
  extent.rank = value.rank;
  extent.elements = 1;
  for (uint32_t axis = 0; axis < value.rank; ++axis) {
    if (!evaluate_dim(program, program.dims[value.first_dim + axis], symbols, extent.shape[axis], error)) return false;
  }
  // Empty axes count as 1 for the overflow check, so that any part of the shape can be multiplied out safely.
  bool overflow = false, empty = false;
  for (uint32_t axis = 0; axis < value.rank; ++axis) {
    empty = empty || extent.shape[axis] == 0;
    overflow |= __builtin_mul_overflow(extent.elements, extent.shape[axis] == 0 ? 1 : extent.shape[axis], &extent.elements);
  }
  overflow = overflow || static_cast<uint64_t>(extent.elements) > kMaxBytes / 8;
  if (empty) extent.elements = 0;
  extent.bytes = static_cast<uint64_t>(extent.elements) * dtype_bytes(static_cast<DType>(value.dtype));
  if (overflow) {
    return fail(error, FASTC_RT_BAD_ARGUMENT, "value \"%s\" would need more than %llu bytes", program.name_of(value),
                (unsigned long long)kMaxBytes);
  }
  return true;
}

bool bind_symbols(const Program& program, const fastc_rt_tensor* inputs, int32_t count, int64_t* symbols, Error& error) {
  if (count != static_cast<int32_t>(program.inputs.size())) {
    return fail(error, FASTC_RT_BAD_ARGUMENT, "expected %zu inputs, found %d", program.inputs.size(), count);
  }
  for (int32_t i = 0; i < count; ++i) {
    const ValueRecord& value = program.values[program.inputs[i]];
    const char* name = program.name_of(value);
    if (inputs[i].dtype != value.dtype) {
      return fail(error, FASTC_RT_BAD_ARGUMENT, "input \"%s\": expected %s, found %s", name, dtype_name(static_cast<DType>(value.dtype)),
                  dtype_name(static_cast<DType>(inputs[i].dtype)));
    }
    if (inputs[i].rank != value.rank) {
      return fail(error, FASTC_RT_BAD_ARGUMENT, "input \"%s\": expected rank %u, found %d", name, value.rank, inputs[i].rank);
    }
  }
  for (size_t s = 0; s < program.symbols.size(); ++s) {
    const SymbolRecord& symbol = program.symbols[s];
    symbols[s] = inputs[symbol.input].shape[symbol.axis];
    if (symbols[s] < symbol.min || symbols[s] > symbol.max) {
      return fail(error, FASTC_RT_BAD_ARGUMENT, "input \"%s\": axis %u (%s) is %lld, allowed are %lld to %lld",
                  program.name_of(program.values[program.inputs[symbol.input]]), symbol.axis, program.string(symbol.name),
                  (long long)symbols[s], (long long)symbol.min, (long long)symbol.max);
    }
  }
  for (int32_t i = 0; i < count; ++i) {
    const ValueRecord& value = program.values[program.inputs[i]];
    for (uint32_t axis = 0; axis < value.rank; ++axis) {
      int64_t expected = 0;
      if (!evaluate_dim(program, program.dims[value.first_dim + axis], symbols, expected, error)) return false;
      if (inputs[i].shape[axis] != expected) {
        return fail(error, FASTC_RT_BAD_ARGUMENT, "input \"%s\": axis %u is %lld, expected %lld", program.name_of(value), axis,
                    (long long)inputs[i].shape[axis], (long long)expected);
      }
    }
  }
  return true;
}

}  // namespace fastc::rt
