// Builds the bytes of a .fastc artifact (format: backends/runtime/format.h) piece by piece. Knows records, not ops: lowering
// says what goes in. The same calls give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/artifact/coding.h"
#include "backends/runtime/format.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

using ArtifactBytes = std::vector<std::byte>;

class ArtifactBuilder {
 public:
  // Symbols must be added before any value whose shape uses them.
  uint32_t add_symbol(const Symbol& symbol, uint32_t input, uint32_t axis);

  // An activation. Its buffer is set later, when lifetimes are known.
  Result<uint32_t> add_value(std::string_view name, const Type& type, rt::Layout layout);
  // A constant: bytes as the kernel reads them, or their code; `shape` is the logical one, whatever the packing. Equal bytes are stored once.
  uint32_t add_constant(std::string_view name, rt::DType dtype, std::span<const int64_t> shape, rt::Packing packing, std::span<const std::byte> bytes,
                        const Code& code = {});
  // `inputs` may hold rt::kNone for an absent optional operand. `attributes`: the kernel's attribute struct, or empty.
  void add_op(rt::Kernel kernel, std::string_view name, std::span<const uint32_t> inputs, std::span<const uint32_t> outputs, std::span<const std::byte> attributes);
  void add_input(uint32_t value) { inputs_.push_back(value); }
  void add_output(uint32_t value) { outputs_.push_back(value); }
  void add_metadata(std::string_view key, std::string_view value);

  struct Op {
    std::vector<uint32_t> inputs, outputs;
    rt::Kernel kernel;
  };
  const std::vector<Op>& ops() const { return op_list_; }
  const std::vector<uint32_t>& inputs() const { return inputs_; }
  const std::vector<uint32_t>& outputs() const { return outputs_; }
  size_t value_count() const { return values_.size(); }
  const rt::ValueRecord& value(uint32_t id) const { return values_[id]; }
  void set_buffer(uint32_t value, uint32_t buffer) { values_[value].buffer = buffer; }
  // Bytes of a value with every symbol at `at` (an estimate to match buffers by).
  int64_t bytes_at(uint32_t value, int64_t at) const;

  ArtifactBytes finish() const;

 private:
  uint32_t intern(std::string_view text);
  Status append_dims(const Shape& shape);
  Status append_code(const Dim& dim);

  std::string strings_;
  std::map<std::string, uint32_t, std::less<>> string_offsets_;
  std::map<std::string, uint32_t, std::less<>> symbol_index_;
  std::vector<rt::SymbolRecord> symbols_;
  std::vector<rt::DimToken> code_;
  std::vector<rt::DimRecord> dims_;
  std::vector<Shape> shapes_;  // of each value, for bytes_at
  std::vector<rt::ValueRecord> values_;
  std::vector<rt::ConstantRecord> constants_;
  std::vector<rt::OpRecord> ops_;
  std::vector<Op> op_list_;
  std::vector<uint32_t> operands_, inputs_, outputs_;
  std::vector<std::byte> attributes_, data_;
  std::map<std::string, uint32_t> constant_by_hash_;  // SHA-256 of bytes, packing and coding → constant
  std::vector<rt::MetadataRecord> metadata_;
};

}  // namespace fastc
