// Builds small artifacts in memory, with their own idea of the format, so that writer and reader are not tested against
// themselves only. Every value gets a buffer of its own unless a test says otherwise.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "backends/runtime/fastc_rt.h"
#include "backends/runtime/format.h"
#include "backends/runtime/sha256.h"

namespace fastc::rt::test {

// A dimension: a number, or −1−s for symbol s.
inline constexpr int64_t symbol(int64_t index) { return -1 - index; }

template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  else if constexpr (std::is_same_v<T, double>) return DType::kF64;
  else if constexpr (std::is_same_v<T, int64_t>) return DType::kI64;
  else if constexpr (std::is_same_v<T, int32_t>) return DType::kI32;
  else if constexpr (std::is_same_v<T, int8_t>) return DType::kS8;
  else if constexpr (std::is_same_v<T, int16_t>) return DType::kS16;
  else if constexpr (std::is_same_v<T, bool>) return DType::kBool;
  else return DType::kU8;
}

struct Quant {
  float scale = 0;
  int32_t zero_point = 0;
};

class Artifact {
 public:
  std::vector<SymbolRecord> symbols;
  std::vector<DimToken> code;
  std::vector<DimRecord> dims;
  std::vector<ValueRecord> values;
  std::vector<ConstantRecord> constants;
  std::vector<OpRecord> ops;
  std::vector<uint32_t> operands, inputs, outputs;
  std::vector<uint8_t> attributes, data;
  std::vector<MetadataRecord> metadata;
  std::string strings = std::string(1, '\0');

  uint32_t text(const std::string& s) {
    const auto at = static_cast<uint32_t>(strings.size());
    strings += s;
    strings += '\0';
    return at;
  }

  uint32_t add_symbol(const std::string& name, uint32_t input, uint32_t axis, int64_t min, int64_t max) {
    symbols.push_back({text(name), input, axis, 0, min, max});
    return static_cast<uint32_t>(symbols.size() - 1);
  }

  DimRecord dim(int64_t size) {
    if (size >= 0) return {size, 0, 0};
    code.push_back({static_cast<uint32_t>(DimOp::kSymbol), 0, -1 - size});
    return {0, static_cast<uint32_t>(code.size() - 1), 1};
  }

  uint32_t value(const std::string& name, DType dtype, const std::vector<int64_t>& shape, Layout layout = Layout::kPlain, Quant q = {}) {
    ValueRecord v{};
    v.name = text(name);
    v.dtype = static_cast<uint8_t>(dtype), v.layout = static_cast<uint8_t>(layout), v.rank = static_cast<uint8_t>(shape.size());
    v.first_dim = static_cast<uint32_t>(dims.size());
    for (int64_t size : shape) dims.push_back(dim(size));
    v.scale = q.scale, v.zero_point = q.zero_point;
    v.constant = kNone;
    v.buffer = static_cast<uint32_t>(values.size());
    values.push_back(v);
    return static_cast<uint32_t>(values.size() - 1);
  }

  uint32_t input(const std::string& name, DType dtype, const std::vector<int64_t>& shape, Layout layout = Layout::kPlain, Quant q = {}) {
    inputs.push_back(value(name, dtype, shape, layout, q));
    return inputs.back();
  }

  template <typename T>
  uint32_t constant(const std::string& name, const std::vector<int64_t>& shape, const std::vector<T>& numbers, Packing packing = Packing::kPlain, Quant q = {}) {
    const uint32_t at = value(name, dtype_of<T>(), shape, Layout::kPlain, q);
    values[at].constant = static_cast<uint32_t>(constants.size());
    values[at].buffer = kNone;
    data.resize((data.size() + 63) / 64 * 64);
    ConstantRecord record{data.size(), numbers.size() * sizeof(T), static_cast<uint8_t>(packing), {}};
    const auto* bytes = reinterpret_cast<const uint8_t*>(numbers.data());
    data.insert(data.end(), bytes, bytes + record.bytes);
    constants.push_back(record);  // its offset is from the data section's start until bytes() knows where that is
    return at;
  }

  template <typename Attrs>
  void op(Kernel kernel, const std::string& name, const std::vector<uint32_t>& in, const std::vector<uint32_t>& out, const Attrs& attrs) {
    attributes.resize((attributes.size() + 7) / 8 * 8);
    const auto at = static_cast<uint32_t>(attributes.size());
    const auto* bytes = reinterpret_cast<const uint8_t*>(&attrs);
    attributes.insert(attributes.end(), bytes, bytes + sizeof attrs);
    add_op(kernel, name, in, out, at, sizeof attrs);
  }
  void op(Kernel kernel, const std::string& name, const std::vector<uint32_t>& in, const std::vector<uint32_t>& out) { add_op(kernel, name, in, out, 0, 0); }

  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> file(sizeof(FileHeader) + 13 * sizeof(SectionEntry));
    std::vector<SectionEntry> entries;
    const auto section = [&](SectionKind kind, const void* records, uint32_t record_bytes, size_t count) {
      file.resize((file.size() + 63) / 64 * 64);
      entries.push_back({static_cast<uint32_t>(kind), record_bytes, file.size(), record_bytes * count});
      const auto* from = static_cast<const uint8_t*>(records);
      if (count > 0) file.insert(file.end(), from, from + record_bytes * count);
    };
    const auto table = [&](SectionKind kind, const auto& records) { section(kind, records.data(), sizeof(records[0]), records.size()); };
    section(SectionKind::kData, data.data(), 1, data.size());
    std::vector<ConstantRecord> placed = constants;
    for (ConstantRecord& c : placed) c.offset += entries[0].offset;
    table(SectionKind::kConstants, placed);
    section(SectionKind::kStrings, strings.data(), 1, strings.size());
    table(SectionKind::kSymbols, symbols), table(SectionKind::kDimCode, code), table(SectionKind::kDims, dims), table(SectionKind::kValues, values);
    table(SectionKind::kOps, ops), table(SectionKind::kOperands, operands), table(SectionKind::kInputs, inputs), table(SectionKind::kOutputs, outputs);
    table(SectionKind::kMetadata, metadata);
    section(SectionKind::kAttributes, attributes.data(), 1, attributes.size());
    std::memcpy(file.data() + sizeof(FileHeader), entries.data(), entries.size() * sizeof(SectionEntry));
    FileHeader header{};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.major = kFormatMajor, header.minor = kFormatMinor;
    header.section_count = static_cast<uint32_t>(entries.size());
    std::memcpy(file.data(), &header, sizeof header);
    seal(file);
    return file;
  }

  // Length and checksum of a file that a test has changed.
  static void seal(std::vector<uint8_t>& file) {
    FileHeader header;
    std::memcpy(&header, file.data(), sizeof header);
    header.file_bytes = file.size();
    sha256(file.data() + sizeof header, file.size() - sizeof header, header.sha256);
    std::memcpy(file.data(), &header, sizeof header);
  }

 private:
  void add_op(Kernel kernel, const std::string& name, const std::vector<uint32_t>& in, const std::vector<uint32_t>& out, uint32_t at, uint32_t bytes) {
    ops.push_back({static_cast<uint32_t>(kernel), text(name), static_cast<uint32_t>(operands.size()), static_cast<uint32_t>(in.size()),
                   static_cast<uint32_t>(out.size()), at, bytes, 0});
    operands.insert(operands.end(), in.begin(), in.end());
    operands.insert(operands.end(), out.begin(), out.end());
  }
};

// A caller's array.
struct Array {
  int32_t dtype = FASTC_RT_F32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;

  template <typename T>
  static Array of(const std::vector<int64_t>& shape, const std::vector<T>& numbers) {
    Array a{static_cast<int32_t>(dtype_of<T>()), shape, std::vector<uint8_t>(numbers.size() * sizeof(T))};
    if (!numbers.empty()) std::memcpy(a.bytes.data(), numbers.data(), a.bytes.size());
    return a;
  }
  fastc_rt_tensor tensor() {
    fastc_rt_tensor t{bytes.data(), {}, static_cast<int32_t>(shape.size()), dtype};
    for (size_t i = 0; i < shape.size(); ++i) t.shape[i] = shape[i];
    return t;
  }
  template <typename T>
  std::vector<T> numbers() const {
    std::vector<T> out(bytes.size() / sizeof(T));
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
};

inline size_t bytes_of(int32_t dtype) {
  constexpr size_t kBytes[] = {4, 2, 2, 8, 8, 4, 1, 1, 1, 2};
  return kBytes[dtype];
}

// Opens, runs once, closes. `message` is the error's sentence, "" when everything went well.
struct Outcome {
  fastc_rt_status status = FASTC_RT_OK;
  std::string message;
  std::vector<Array> outputs;
};

inline Outcome run_bytes(const std::vector<uint8_t>& file, std::vector<Array> inputs, int threads = 1) {
  Outcome outcome;
  char error[512] = "";
  fastc_rt_model* model = nullptr;
  fastc_rt_session* session = nullptr;
  std::vector<fastc_rt_tensor> in, out;
  for (Array& a : inputs) in.push_back(a.tensor());
  const auto count = static_cast<int32_t>(in.size());
  outcome.status = fastc_rt_open_memory(file.data(), file.size(), &model, error, sizeof error);
  if (outcome.status == FASTC_RT_OK) outcome.status = fastc_rt_session_open(model, in.data(), count, threads, &session, error, sizeof error);
  if (outcome.status == FASTC_RT_OK) {
    outcome.outputs.resize(static_cast<size_t>(fastc_rt_output_count(model)));
    for (size_t i = 0; i < outcome.outputs.size(); ++i) {
      fastc_rt_tensor t{};
      fastc_rt_output_shape(session, in.data(), count, static_cast<int32_t>(i), &t);
      Array& y = outcome.outputs[i];
      y.dtype = t.dtype, y.shape.assign(t.shape, t.shape + t.rank);
      size_t elements = 1;
      for (int64_t size : y.shape) elements *= static_cast<size_t>(size);
      y.bytes.assign(elements * bytes_of(t.dtype), 0xcd);
      out.push_back(y.tensor());
    }
    outcome.status = fastc_rt_run(session, in.data(), count, out.data(), static_cast<int32_t>(out.size()), error, sizeof error);
  }
  outcome.message = error;
  fastc_rt_session_close(session);
  fastc_rt_close(model);
  return outcome;
}

inline Outcome run(const Artifact& artifact, std::vector<Array> inputs, int threads = 1) { return run_bytes(artifact.bytes(), std::move(inputs), threads); }

}  // namespace fastc::rt::test
