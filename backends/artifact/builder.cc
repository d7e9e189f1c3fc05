#include "backends/artifact/builder.h"

#include <fmt/format.h>

#include <cstring>

#include "base/sha256.h"

namespace fastc {
namespace {

uint64_t align_up(uint64_t n) { return (n + rt::kAlignment - 1) / rt::kAlignment * rt::kAlignment; }

template <typename T>
std::span<const std::byte> as_bytes(const std::vector<T>& v) {
  return std::as_bytes(std::span<const T>(v));
}

size_t element_bytes(rt::DType dtype) { return size_of(static_cast<DType>(dtype)); }
static_assert(static_cast<int>(DType::kS16) == static_cast<int>(rt::DType::kS16) &&
              static_cast<int>(DType::kBool) == static_cast<int>(rt::DType::kBool) &&
              static_cast<int>(DType::kU8) == static_cast<int>(rt::DType::kU8) &&
              static_cast<int>(DType::kI64) == static_cast<int>(rt::DType::kI64));

}  // namespace

uint32_t ArtifactBuilder::intern(std::string_view text) {
  if (const auto found = string_offsets_.find(text); found != string_offsets_.end()) return found->second;
  const auto offset = static_cast<uint32_t>(strings_.size());
  strings_.append(text).push_back('\0');
  string_offsets_.emplace(text, offset);
  return offset;
}

uint32_t ArtifactBuilder::add_symbol(const Symbol& symbol, uint32_t input, uint32_t axis) {
  const auto index = static_cast<uint32_t>(symbols_.size());
  symbols_.push_back({intern(symbol.name), input, axis, 0, symbol.min, symbol.max});
  symbol_index_.emplace(symbol.name, index);
  return index;
}

// Postfix: each term's coefficient and factors multiplied, terms added.
Status ArtifactBuilder::append_code(const Dim& dim) {
  const auto emit = [this](rt::DimOp op, int64_t value) { code_.push_back({static_cast<uint32_t>(op), 0, value}); };
  if (dim.terms().empty()) emit(rt::DimOp::kConst, 0);
  bool first_term = true;
  for (const Dim::Term& term : dim.terms()) {
    // A lone symbol is one token: that is how a reader tells which axis binds it.
    bool first_factor = term.coefficient == 1 && !term.factors.empty();
    if (!first_factor) emit(rt::DimOp::kConst, term.coefficient);
    for (const Dim::Atom& atom : term.factors) {
      if (atom.numerator) {
        FASTC_CHECK(append_code(*atom.numerator));
        emit(rt::DimOp::kFloorDiv, atom.divisor);
      } else {
        const auto found = symbol_index_.find(atom.symbol);
        if (found == symbol_index_.end())
          return input_error("size '{}' is not the size of any axis of an input, so the runtime could not know it", atom.symbol);
        emit(rt::DimOp::kSymbol, found->second);
      }
      if (!first_factor) emit(rt::DimOp::kMul, 0);
      first_factor = false;
    }
    if (!first_term) emit(rt::DimOp::kAdd, 0);
    first_term = false;
  }
  return {};
}

Status ArtifactBuilder::append_dims(const Shape& shape) {
  if (shape.size() > rt::kMaxRank) return input_error("a tensor of rank {}: the runtime knows up to {}", shape.size(), rt::kMaxRank);
  for (const Dim& dim : shape) {
    rt::DimRecord record{};
    if (dim.is_constant()) {
      record.value = dim.constant();
    } else {
      record.code_first = static_cast<uint32_t>(code_.size());
      FASTC_CHECK(append_code(dim));
      record.code_count = static_cast<uint32_t>(code_.size()) - record.code_first;
    }
    dims_.push_back(record);
  }
  return {};
}

Result<uint32_t> ArtifactBuilder::add_value(std::string_view name, const Type& type, rt::Layout layout) {
  rt::ValueRecord record{};
  record.name = intern(name);
  record.dtype = static_cast<uint8_t>(type.dtype);
  record.layout = static_cast<uint8_t>(layout);
  record.rank = static_cast<uint8_t>(type.rank());
  record.first_dim = static_cast<uint32_t>(dims_.size());
  if (auto status = append_dims(type.shape); !status) return at(name, status.error());
  if (type.quant) record.scale = type.quant->scale, record.zero_point = type.quant->zero_point;
  record.constant = rt::kNone;
  record.buffer = rt::kNone;
  values_.push_back(record);
  shapes_.push_back(type.shape);
  return static_cast<uint32_t>(values_.size() - 1);
}

uint32_t ArtifactBuilder::add_constant(std::string_view name, rt::DType dtype, std::span<const int64_t> shape, rt::Packing packing,
                                       std::span<const std::byte> bytes, const Code& code) {
  if (code.coding != rt::Coding::kNone) bytes = code.bytes;
  const std::string key = fmt::format("{} {} {} {} {}", sha256_hex(bytes), static_cast<int>(packing), static_cast<int>(code.coding), code.levels, code.count);
  auto [stored, is_new] = constant_by_hash_.emplace(key, static_cast<uint32_t>(constants_.size()));
  if (is_new) {
    const uint64_t offset = data_.size();  // relative to the data section until finish()
    constants_.push_back({offset, bytes.size(), static_cast<uint8_t>(packing), static_cast<uint8_t>(code.coding), code.element_bytes, code.levels, code.count});
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    data_.resize(align_up(data_.size()));
  }
  rt::ValueRecord record{};
  record.name = intern(name);
  record.dtype = static_cast<uint8_t>(dtype);
  record.rank = static_cast<uint8_t>(shape.size());
  record.first_dim = static_cast<uint32_t>(dims_.size());
  for (const int64_t d : shape) dims_.push_back({d, 0, 0});
  record.constant = stored->second;
  record.buffer = rt::kNone;
  values_.push_back(record);
  shapes_.emplace_back(shape.begin(), shape.end());
  return static_cast<uint32_t>(values_.size() - 1);
}

void ArtifactBuilder::add_op(rt::Kernel kernel, std::string_view name, std::span<const uint32_t> inputs, std::span<const uint32_t> outputs,
                             std::span<const std::byte> attributes) {
  attributes_.resize((attributes_.size() + 7) / 8 * 8);
  ops_.push_back({static_cast<uint32_t>(kernel), intern(name), static_cast<uint32_t>(operands_.size()), static_cast<uint32_t>(inputs.size()),
                  static_cast<uint32_t>(outputs.size()), static_cast<uint32_t>(attributes_.size()), static_cast<uint32_t>(attributes.size()), 0});
  operands_.insert(operands_.end(), inputs.begin(), inputs.end());
  operands_.insert(operands_.end(), outputs.begin(), outputs.end());
  attributes_.insert(attributes_.end(), attributes.begin(), attributes.end());
  op_list_.push_back({{inputs.begin(), inputs.end()}, {outputs.begin(), outputs.end()}, kernel});
}

void ArtifactBuilder::add_metadata(std::string_view key, std::string_view value) { metadata_.push_back({intern(key), intern(value)}); }

int64_t ArtifactBuilder::bytes_at(uint32_t value, int64_t at) const {
  SymbolValues symbols;
  for (const auto& [name, index] : symbol_index_) symbols.emplace(name, at);
  int64_t n = static_cast<int64_t>(element_bytes(static_cast<rt::DType>(values_[value].dtype)));
  for (const Dim& dim : shapes_[value])
    if (const auto size = dim.evaluate(symbols)) n *= *size;
  return n;
}

ArtifactBytes ArtifactBuilder::finish() const {
  struct Section {
    rt::SectionKind kind;
    uint32_t record_bytes;
    std::span<const std::byte> bytes;
  };
  std::vector<rt::ConstantRecord> constants = constants_;
  const std::vector<Section> sections = {
      {rt::SectionKind::kStrings, 1, std::as_bytes(std::span(strings_))},
      {rt::SectionKind::kSymbols, sizeof(rt::SymbolRecord), as_bytes(symbols_)},
      {rt::SectionKind::kDimCode, sizeof(rt::DimToken), as_bytes(code_)},
      {rt::SectionKind::kDims, sizeof(rt::DimRecord), as_bytes(dims_)},
      {rt::SectionKind::kValues, sizeof(rt::ValueRecord), as_bytes(values_)},
      {rt::SectionKind::kConstants, sizeof(rt::ConstantRecord), as_bytes(constants)},
      {rt::SectionKind::kOps, sizeof(rt::OpRecord), as_bytes(ops_)},
      {rt::SectionKind::kOperands, sizeof(uint32_t), as_bytes(operands_)},
      {rt::SectionKind::kAttributes, 1, attributes_},
      {rt::SectionKind::kInputs, sizeof(uint32_t), as_bytes(inputs_)},
      {rt::SectionKind::kOutputs, sizeof(uint32_t), as_bytes(outputs_)},
      {rt::SectionKind::kMetadata, sizeof(rt::MetadataRecord), as_bytes(metadata_)},
      {rt::SectionKind::kData, 1, data_},
  };
  std::vector<rt::SectionEntry> entries;
  uint64_t offset = align_up(sizeof(rt::FileHeader) + sections.size() * sizeof(rt::SectionEntry));
  for (const Section& section : sections) {
    entries.push_back({static_cast<uint32_t>(section.kind), section.record_bytes, offset, section.bytes.size()});
    offset = align_up(offset + section.bytes.size());
  }
  for (rt::ConstantRecord& constant : constants) constant.offset += entries.back().offset;  // the data section is last

  ArtifactBytes file(offset);
  std::memcpy(file.data() + sizeof(rt::FileHeader), entries.data(), entries.size() * sizeof(rt::SectionEntry));
  for (size_t i = 0; i < sections.size(); ++i)
    if (!sections[i].bytes.empty()) std::memcpy(file.data() + entries[i].offset, sections[i].bytes.data(), sections[i].bytes.size());

  rt::FileHeader header{};
  std::memcpy(header.magic, rt::kMagic, sizeof header.magic);
  header.major = rt::kFormatMajor, header.minor = rt::kFormatMinor;
  header.section_count = static_cast<uint32_t>(sections.size());
  header.file_bytes = file.size();
  Sha256 hash;
  hash.update(std::span<const std::byte>(file).subspan(sizeof header));
  const auto digest = hash.digest();
  static_assert(sizeof digest == sizeof header.sha256);
  std::memcpy(header.sha256, digest.data(), sizeof header.sha256);
  std::memcpy(file.data(), &header, sizeof header);
  return file;
}

}  // namespace fastc
