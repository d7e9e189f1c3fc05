#include "reader.h"

#include <bit>
#include <cstring>

#include "sha256.h"

namespace fastc::rt {

static_assert(std::endian::native == std::endian::little, "the artifact is little-endian and read in place");

namespace {

constexpr uint32_t kMaxSections = 64;

struct SectionRule {
  SectionKind kind;
  const char* name;
  uint32_t record_bytes;
};
constexpr SectionRule kSections[] = {
    {SectionKind::kStrings, "strings", 1},
    {SectionKind::kSymbols, "symbols", sizeof(SymbolRecord)},
    {SectionKind::kDimCode, "dimension code", sizeof(DimToken)},
    {SectionKind::kDims, "dimensions", sizeof(DimRecord)},
    {SectionKind::kValues, "values", sizeof(ValueRecord)},
    {SectionKind::kConstants, "constants", sizeof(ConstantRecord)},
    {SectionKind::kOps, "ops", sizeof(OpRecord)},
    {SectionKind::kOperands, "operands", sizeof(uint32_t)},
    {SectionKind::kAttributes, "attributes", 1},
    {SectionKind::kInputs, "inputs", sizeof(uint32_t)},
    {SectionKind::kOutputs, "outputs", sizeof(uint32_t)},
    {SectionKind::kMetadata, "metadata", sizeof(MetadataRecord)},
    {SectionKind::kData, "data", 1},
};

template <typename Record>
void view(std::span<const Record>& out, const uint8_t* file, const SectionEntry& entry) {
  out = {reinterpret_cast<const Record*>(file + entry.offset), static_cast<size_t>(entry.bytes / sizeof(Record))};
}

void place(Program& program, const SectionEntry& entry) {
  switch (static_cast<SectionKind>(entry.kind)) {
    case SectionKind::kStrings: return view(program.strings, program.file, entry);
    case SectionKind::kSymbols: return view(program.symbols, program.file, entry);
    case SectionKind::kDimCode: return view(program.code, program.file, entry);
    case SectionKind::kDims: return view(program.dims, program.file, entry);
    case SectionKind::kValues: return view(program.values, program.file, entry);
    case SectionKind::kConstants: return view(program.constants, program.file, entry);
    case SectionKind::kOps: return view(program.ops, program.file, entry);
    case SectionKind::kOperands: return view(program.operands, program.file, entry);
    case SectionKind::kAttributes: return view(program.attributes, program.file, entry);
    case SectionKind::kInputs: return view(program.inputs, program.file, entry);
    case SectionKind::kOutputs: return view(program.outputs, program.file, entry);
    case SectionKind::kMetadata: return view(program.metadata, program.file, entry);
    case SectionKind::kData: program.data_offset = entry.offset, program.data_bytes = entry.bytes; return;
  }
}

bool check_section(const SectionEntry& entry, uint32_t index, uint64_t bytes, uint64_t& seen, Error& error) {
  const SectionRule* rule = nullptr;
  for (const SectionRule& candidate : kSections) {
    if (static_cast<uint32_t>(candidate.kind) == entry.kind) rule = &candidate;
  }
  if (rule == nullptr) {
    return fail(error, FASTC_RT_BAD_FILE, "section %u has kind %u, which format %u.%u does not define", index, entry.kind,
                kFormatMajor, kFormatMinor);
  }
  if (seen & (uint64_t{1} << entry.kind)) {
    return fail(error, FASTC_RT_BAD_FILE, "section %u: a second section \"%s\"", index, rule->name);
  }
  seen |= uint64_t{1} << entry.kind;
  if (entry.record_bytes != rule->record_bytes) {
    return fail(error, FASTC_RT_BAD_FILE, "section \"%s\": expected records of %u bytes, found %u", rule->name,
                rule->record_bytes, entry.record_bytes);
  }
  if (entry.offset % kAlignment != 0) {
    return fail(error, FASTC_RT_BAD_FILE, "section \"%s\" begins at offset %llu, which is not a multiple of %llu", rule->name,
                static_cast<unsigned long long>(entry.offset), static_cast<unsigned long long>(kAlignment));
  }
  if (entry.offset > bytes || entry.bytes > bytes - entry.offset) {
    return fail(error, FASTC_RT_BAD_FILE, "section \"%s\": %llu bytes at offset %llu reach beyond the file's %llu", rule->name,
                static_cast<unsigned long long>(entry.bytes), static_cast<unsigned long long>(entry.offset),
                static_cast<unsigned long long>(bytes));
  }
  const uint64_t count = entry.bytes / rule->record_bytes;
  if (entry.bytes % rule->record_bytes != 0 || (rule->record_bytes > 1 && count >= kNone)) {
    return fail(error, FASTC_RT_BAD_FILE, "section \"%s\": %llu bytes are not a whole number of records of %u bytes",
                rule->name, static_cast<unsigned long long>(entry.bytes), rule->record_bytes);
  }
  return true;
}

}  // namespace

bool check_header(const void* data, uint64_t bytes, Error& error) {
  if (bytes < sizeof(FileHeader)) {
    return fail(error, FASTC_RT_BAD_FILE, "expected a .fastc artifact, found a file of %llu bytes, shorter than its header",
                static_cast<unsigned long long>(bytes));
  }
  FileHeader header;
  std::memcpy(&header, data, sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) {
    return fail(error, FASTC_RT_BAD_FILE, "expected a .fastc artifact: the file does not begin with \"FASTCART\"");
  }
  if (header.major != kFormatMajor || header.minor > kFormatMinor) {
    return fail(error, FASTC_RT_UNSUPPORTED, "the artifact has format version %u.%u; this runtime reads %u.0 to %u.%u",
                header.major, header.minor, kFormatMajor, kFormatMajor, kFormatMinor);
  }
  if (header.file_bytes != bytes) {
    return fail(error, FASTC_RT_BAD_FILE, "expected %llu bytes as its header says, found %llu: the file is truncated or damaged",
                static_cast<unsigned long long>(header.file_bytes), static_cast<unsigned long long>(bytes));
  }
  if (header.section_count > kMaxSections ||
      sizeof(FileHeader) + uint64_t{header.section_count} * sizeof(SectionEntry) > bytes) {
    return fail(error, FASTC_RT_BAD_FILE, "the header announces %u sections, more than fit", header.section_count);
  }
  uint8_t digest[32];
  sha256(static_cast<const uint8_t*>(data) + sizeof header, bytes - sizeof header, digest);
  if (std::memcmp(digest, header.sha256, sizeof digest) != 0) {
    return fail(error, FASTC_RT_BAD_FILE, "the checksum does not fit the contents: the file is damaged");
  }
  return true;
}

bool read_program(const void* data, uint64_t bytes, Program& program, Error& error) {
  if (!check_header(data, bytes, error)) return false;
  program = {};
  program.file = static_cast<const uint8_t*>(data);
  program.file_bytes = bytes;
  FileHeader header;
  std::memcpy(&header, data, sizeof header);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < header.section_count; ++i) {
    SectionEntry entry;
    std::memcpy(&entry, program.file + sizeof header + i * sizeof entry, sizeof entry);
    if (!check_section(entry, i, bytes, seen, error)) return false;
    place(program, entry);
  }
  if (program.strings.empty() || program.strings.back() != '\0') {
    return fail(error, FASTC_RT_BAD_FILE, "section \"strings\" is missing or does not end in a NUL");
  }
  return check_records(program, error) && check_ops(program, error);
}

}  // namespace fastc::rt
