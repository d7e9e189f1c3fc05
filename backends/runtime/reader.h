// Reads a .fastc artifact out of memory, in place. Trusts nothing: after read_program() returns true, every index, offset,
// name, dimension code and attribute in the Program may be followed without another check. What depends on the sizes of the
// inputs (do the shapes of an op's operands fit together?) is checked when a session is opened.
//
// Errors: FASTC_RT_BAD_FILE, or FASTC_RT_UNSUPPORTED for a newer version; the sentence names section, record and file offset.
#pragma once

#include <cstdint>
#include <span>

#include "error.h"
#include "format.h"

namespace fastc::rt {

struct Program {
  const uint8_t* file = nullptr;
  uint64_t file_bytes = 0;
  std::span<const char> strings;
  std::span<const SymbolRecord> symbols;
  std::span<const DimToken> code;
  std::span<const DimRecord> dims;
  std::span<const ValueRecord> values;
  std::span<const ConstantRecord> constants;
  std::span<const OpRecord> ops;
  std::span<const uint32_t> operands;
  std::span<const uint8_t> attributes;
  std::span<const uint32_t> inputs, outputs;
  std::span<const MetadataRecord> metadata;
  uint64_t data_offset = 0, data_bytes = 0;  // of SectionKind::kData, in the file

  const char* string(uint32_t offset) const { return strings.data() + offset; }
  const char* name_of(const ValueRecord& value) const { return string(value.name); }
  std::span<const uint32_t> inputs_of(const OpRecord& op) const { return operands.subspan(op.first_operand, op.input_count); }
  std::span<const uint32_t> outputs_of(const OpRecord& op) const {
    return operands.subspan(op.first_operand + op.input_count, op.output_count);
  }
  const void* attributes_of(const OpRecord& op) const { return attributes.data() + op.attribute_offset; }
};

// `data` must be 64-byte aligned and outlive the program.
bool read_program(const void* data, uint64_t bytes, Program& program, Error& error);

// The parts of read_program(), one file each.
bool check_header(const void* data, uint64_t bytes, Error& error);
bool check_records(const Program& program, Error& error);  // symbols, dims, values, constants, inputs, outputs, metadata
bool check_ops(const Program& program, Error& error);      // operands, types, attributes, order, buffers

constexpr uint32_t kMaxDimStack = 16;
constexpr int64_t kMaxDim = int64_t{1} << 40;  // no size may be larger; keeps products of two sizes inside 80 bits, and bugs visible

}  // namespace fastc::rt
