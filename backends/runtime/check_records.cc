// The tables of an artifact: each record alone, and its references to other tables.
#include <cmath>

#include "coding.h"
#include "plan.h"
#include "reader.h"

namespace fastc::rt {
namespace {

bool check_name(const Program& program, uint32_t offset, const char* table, size_t index, Error& error) {
  if (offset < program.strings.size()) return true;  // the last byte is a NUL, so every offset inside is a string
  return fail(error, FASTC_RT_BAD_FILE, "%s %zu: its name is at offset %u of %zu bytes of strings", table, index, offset,
              program.strings.size());
}

// Runs the postfix code on the stack depth only: a well-formed code never underflows and leaves one number.
bool check_code(const Program& program, const DimRecord& dim, size_t index, Error& error) {
  if (dim.code_count == 0) {
    if (dim.value >= 0 && dim.value <= kMaxDim) return true;
    return fail(error, FASTC_RT_BAD_FILE, "dimension %zu is %lld; expected 0 to %lld", index, (long long)dim.value, (long long)kMaxDim);
  }
  if (dim.code_first > program.code.size() || dim.code_count > program.code.size() - dim.code_first) {
    return fail(error, FASTC_RT_BAD_FILE, "dimension %zu: code %u+%u reaches beyond %zu tokens", index, dim.code_first,
                dim.code_count, program.code.size());
  }
  uint32_t depth = 0;
  for (const DimToken& token : program.code.subspan(dim.code_first, dim.code_count)) {
    const bool pushes = token.op == static_cast<uint32_t>(DimOp::kConst) || token.op == static_cast<uint32_t>(DimOp::kSymbol);
    if (token.op > static_cast<uint32_t>(DimOp::kFloorDiv)) {
      return fail(error, FASTC_RT_BAD_FILE, "dimension %zu: unknown code %u", index, token.op);
    }
    if (token.op == static_cast<uint32_t>(DimOp::kSymbol) &&
        (token.value < 0 || static_cast<uint64_t>(token.value) >= program.symbols.size())) {
      return fail(error, FASTC_RT_BAD_FILE, "dimension %zu: symbol %lld of %zu", index, (long long)token.value, program.symbols.size());
    }
    if (!pushes && depth < 2) return fail(error, FASTC_RT_BAD_FILE, "dimension %zu: its code lacks an operand", index);
    depth = pushes ? depth + 1 : depth - 1;
    if (depth > kMaxDimStack) return fail(error, FASTC_RT_BAD_FILE, "dimension %zu: its code nests deeper than %u", index, kMaxDimStack);
  }
  return depth == 1 || fail(error, FASTC_RT_BAD_FILE, "dimension %zu: its code leaves %u numbers, not one", index, depth);
}

bool check_constant(const Program& program, const ConstantRecord& constant, size_t index, Error& error) {
  const uint64_t end = program.data_offset + program.data_bytes;
  if (constant.offset % kAlignment != 0 || constant.offset < program.data_offset || constant.offset > end ||
      constant.bytes > end - constant.offset) {
    return fail(error, FASTC_RT_BAD_FILE, "constant %zu: %llu bytes at offset %llu do not lie, aligned to 64, in the data section",
                index, (unsigned long long)constant.bytes, (unsigned long long)constant.offset);
  }
  if (constant.packing > kLastPacking) return fail(error, FASTC_RT_BAD_FILE, "constant %zu: unknown packing %u", index, constant.packing);
  return check_code(constant, program.file + constant.offset) ||
         fail(error, FASTC_RT_BAD_FILE, "constant %zu: its %llu bytes are no code of %u elements (coding %u)", index,
              (unsigned long long)constant.bytes, constant.count, constant.coding);
}

bool check_value(const Program& program, const ValueRecord& value, size_t index, Error& error) {
  if (!check_name(program, value.name, "value", index, error)) return false;
  const char* name = program.name_of(value);
  if (value.dtype > static_cast<uint8_t>(DType::kS16) || value.layout > static_cast<uint8_t>(Layout::kChannelsLast)) {
    return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): unknown dtype %u or layout %u", index, name, value.dtype, value.layout);
  }
  if (value.rank > kMaxRank) return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): rank %u, at most %u", index, name, value.rank, kMaxRank);
  if (value.first_dim > program.dims.size() || value.rank > program.dims.size() - value.first_dim) {
    return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): dimensions %u+%u reach beyond %zu", index, name, value.first_dim,
                value.rank, program.dims.size());
  }
  // A scale divides and is divided by; anything but a positive normal number would spread NaN.
  if (value.scale != 0 && !(std::isnormal(value.scale) && value.scale > 0)) {
    return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): scale %g is not a positive number", index, name, value.scale);
  }
  if (value.zero_point < -128 || value.zero_point > 255) {
    return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): zero point %d is not in [-128, 255]", index, name, value.zero_point);
  }
  if (value.constant == kNone) {
    return value.buffer < program.values.size() ||
           fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): buffer %u of at most %zu", index, name, value.buffer, program.values.size());
  }
  if (value.constant >= program.constants.size()) {
    return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): constant %u of %zu", index, name, value.constant, program.constants.size());
  }
  for (const DimRecord& dim : program.dims.subspan(value.first_dim, value.rank)) {
    if (dim.code_count != 0) return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): a constant cannot have a symbolic size", index, name);
  }
  const ConstantRecord& constant = program.constants[value.constant];
  Extent extent;
  if (!value_extent(program, value, nullptr, extent, error)) {
    error.status = FASTC_RT_BAD_FILE;
    return false;
  }
  // Packed weights are checked by the op that reads them: how large they are depends on its groups.
  if (constant.packing == static_cast<uint8_t>(Packing::kPlain) && decoded_bytes(constant) < extent.bytes) {
    return fail(error, FASTC_RT_BAD_FILE, "value %zu (%s): its shape needs %llu bytes, its constant has %llu", index, name,
                (unsigned long long)extent.bytes, (unsigned long long)decoded_bytes(constant));
  }
  return true;
}

// A symbol must be readable off an input: that axis is the symbol itself, not an expression.
bool check_symbol(const Program& program, const SymbolRecord& symbol, size_t index, Error& error) {
  if (!check_name(program, symbol.name, "symbol", index, error)) return false;
  const char* name = program.string(symbol.name);
  if (symbol.min < 0 || symbol.min > symbol.max || symbol.max > kMaxDim) {
    return fail(error, FASTC_RT_BAD_FILE, "symbol %zu (%s): range [%lld, %lld] is not within [0, %lld]", index, name,
                (long long)symbol.min, (long long)symbol.max, (long long)kMaxDim);
  }
  if (symbol.input >= program.inputs.size()) {
    return fail(error, FASTC_RT_BAD_FILE, "symbol %zu (%s): bound from input %u of %zu", index, name, symbol.input, program.inputs.size());
  }
  const ValueRecord& value = program.values[program.inputs[symbol.input]];
  if (symbol.axis >= value.rank) {
    return fail(error, FASTC_RT_BAD_FILE, "symbol %zu (%s): bound from axis %u of an input of rank %u", index, name, symbol.axis, value.rank);
  }
  const DimRecord& dim = program.dims[value.first_dim + symbol.axis];
  const DimToken* token = dim.code_count == 1 ? &program.code[dim.code_first] : nullptr;
  if (token == nullptr || token->op != static_cast<uint32_t>(DimOp::kSymbol) || static_cast<uint64_t>(token->value) != index) {
    return fail(error, FASTC_RT_BAD_FILE, "symbol %zu (%s): axis %u of input %u is not this symbol", index, name, symbol.axis, symbol.input);
  }
  return true;
}

}  // namespace

bool check_records(const Program& program, Error& error) {
  if (program.symbols.size() > kMaxSymbols) {
    return fail(error, FASTC_RT_BAD_FILE, "%zu symbolic sizes, at most %u", program.symbols.size(), kMaxSymbols);
  }
  for (size_t i = 0; i < program.dims.size(); ++i) {
    if (!check_code(program, program.dims[i], i, error)) return false;
  }
  for (size_t i = 0; i < program.constants.size(); ++i) {
    if (!check_constant(program, program.constants[i], i, error)) return false;
  }
  for (size_t i = 0; i < program.values.size(); ++i) {
    if (!check_value(program, program.values[i], i, error)) return false;
  }
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const uint32_t input = program.inputs[i];
    if (input >= program.values.size() || program.values[input].constant != kNone) {
      return fail(error, FASTC_RT_BAD_FILE, "input %zu: value %u is a constant or not among %zu values", i, input, program.values.size());
    }
  }
  for (size_t i = 0; i < program.symbols.size(); ++i) {
    if (!check_symbol(program, program.symbols[i], i, error)) return false;
  }
  for (size_t i = 0; i < program.metadata.size(); ++i) {
    if (!check_name(program, program.metadata[i].key, "metadata key", i, error)) return false;
    if (!check_name(program, program.metadata[i].value, "metadata", i, error)) return false;
  }
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    if (program.outputs[i] >= program.values.size()) {
      return fail(error, FASTC_RT_BAD_FILE, "output %zu: value %u of %zu", i, program.outputs[i], program.values.size());
    }
  }
  return true;
}

}  // namespace fastc::rt
