#include "frontends/torch_export/archive.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "frontends/torch_export/json_read.h"
#include "frontends/torch_export/torch_export.h"

namespace fastc::torch_export {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxJson = uint64_t{512} << 20;
constexpr uint64_t kMaxUnpacked = uint64_t{4} << 30;  // of a packed entry; PyTorch stores weights unpacked

std::string_view as_text(const SharedBytes& b) { return {reinterpret_cast<const char*>(b.bytes.data()), b.bytes.size()}; }

Result<json> read_json_entry(const ZipReader& zip, const ZipEntry& entry, const std::string& what) {
  FASTC_TRY(auto bytes, zip.read(entry, kMaxJson));
  return parse_json(as_text(bytes), fmt::format("{} in {}", entry.name, what), ErrorClass::kInput, {.max_bytes = kMaxJson, .max_depth = 64});
}

// The elements the strides reach fit into the file. All numbers are non-negative.
Status check_extent(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides, int64_t offset, size_t item, uint64_t bytes) {
  __int128 last = offset, count = 1;
  constexpr __int128 kLimit = __int128{1} << 62;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return {};
    last += static_cast<__int128>(sizes[i] - 1) * strides[i];
    count *= sizes[i];
    if (last > kLimit || count > kLimit) return input_error("its sizes overflow");
  }
  if ((last + 1) * static_cast<__int128>(item) > static_cast<__int128>(bytes))
    return input_error("it needs {} bytes, and the file has {}", static_cast<uint64_t>((last + 1) * static_cast<__int128>(item)), bytes);
  return {};
}

}  // namespace

Result<DType> parse_scalar_type(const json& number) {
  static constexpr std::array<std::pair<int64_t, DType>, 9> kTypes{{{1, DType::kU8}, {2, DType::kS8}, {4, DType::kI32}, {5, DType::kI64}, {6, DType::kF16},
                                                                    {7, DType::kF32}, {8, DType::kF64}, {12, DType::kBool}, {13, DType::kBF16}}};
  if (!number.is_number_integer()) return input_error("expected the number of a type, found {}", json_found(number));
  for (auto [n, dtype] : kTypes)
    if (number == n) return dtype;
  return input_error("tensors of ScalarType {} are not supported; export in float32", number.get<int64_t>());
}

Result<Archive> Archive::open(const ZipReader& zip, std::string what) {
  Archive archive(zip, std::move(what));
  std::vector<std::string> models;
  for (const ZipEntry& entry : zip.entries()) {
    size_t at = entry.name.find("models/");
    if (at == std::string::npos || !entry.name.ends_with(".json") || (at > 0 && entry.name[at - 1] != '/')) continue;
    models.push_back(entry.name);
    archive.prefix_ = entry.name.substr(0, at);
  }
  if (models.empty()) return input_error("{}: no models/*.json in the archive", archive.what_);
  if (models.size() > 1) return input_error("{}: holds {} models ({}); save one alone", archive.what_, models.size(), list_words(models));
  archive.model_ = models[0];
  size_t slash = archive.model_.rfind('/');
  std::string stem = archive.model_.substr(slash + 1, archive.model_.size() - slash - 6);
  FASTC_CHECK(archive.read_config("data/weights/", stem + "_weights_config.json"));
  FASTC_CHECK(archive.read_config("data/constants/", stem + "_constants_config.json"));
  return archive;
}

Result<json> Archive::graph() const {
  FASTC_TRY(json root, read_json_entry(zip_, *zip_.find(model_), what_));
  if (!root.is_object()) return input_error("{} in {}: expected an object, found {}", model_, what_, json_found(root));
  const json* version = member(root, "schema_version");
  const json* major = version ? member(*version, "major") : nullptr;
  if (!major || !major->is_number_integer()) return input_error("{} in {}: no schema_version", model_, what_);
  if (*major > kSchemaMajor) {
    const json* torch = member(root, "torch_version");
    return input_error("{}: its graph has schema version {}, fastc reads up to {}; it was written by PyTorch {}, export with an older one or update fastc", what_,
                       major->get<int64_t>(), kSchemaMajor, torch && torch->is_string() ? torch->get<std::string>() : "of unknown version");
  }
  return root;
}

Status Archive::read_config(const std::string& folder, const std::string& file) {
  const ZipEntry* entry = zip_.find(prefix_ + folder + file);
  if (!entry) {
    if (folder == "data/constants/") return {};
    return input_error("{}: {}{} is missing in the archive", what_, folder, file);
  }
  FASTC_TRY(json root, read_json_entry(zip_, *entry, what_));
  const json* config = root.is_object() ? member(root, "config") : nullptr;
  if (!config || !config->is_object()) return input_error("{} in {}: expected an object \"config\"", entry->name, what_);
  for (const auto& [name, value] : config->items()) {
    if (!member(value, "tensor_meta") || member(value, "tensor_meta")->is_null()) continue;  // an object; an error where it is used
    auto parsed = parse_entry(value, folder);
    if (!parsed) return at(fmt::format("{} in {}, {}", entry->name, what_, name), std::move(parsed).error());
    entries_.emplace(name, std::move(*parsed));
  }
  return {};
}

Result<Archive::Entry> Archive::parse_entry(const json& value, const std::string& folder) const {
  Entry entry;
  const json& meta = *member(value, "tensor_meta");
  FASTC_TRY(std::string file, string_member(value, "path_name"));
  entry.file = prefix_ + folder + file;
  entry.trainable = flag_member(value, "is_param");
  entry.pickled = flag_member(value, "use_pickle");
  if (!member(meta, "dtype")) return input_error("no dtype");
  FASTC_TRY(entry.dtype, parse_scalar_type(*member(meta, "dtype")));
  FASTC_TRY(entry.sizes, fixed_sizes(meta, "sizes"));
  FASTC_TRY(entry.strides, fixed_sizes(meta, "strides"));
  if (const json* offset = member(meta, "storage_offset")) {
    FASTC_TRY(entry.offset, fixed_size(*offset));
  }
  if (entry.sizes.size() != entry.strides.size() || entry.sizes.size() > 16)
    return input_error("{} sizes and {} strides", entry.sizes.size(), entry.strides.size());
  return entry;
}

Result<Archive::Stored> Archive::tensor(const std::string& name) const {
  auto it = entries_.find(name);
  if (it == entries_.end()) return input_error("{}: the weight {} is not in the archive", what_, name);
  const Entry& e = it->second;
  if (e.pickled) return input_error("{}: the weight {} is stored as a pickle (a tensor subclass); export plain tensors", what_, name);
  if (!files_.contains(e.file)) {
    const ZipEntry* entry = zip_.find(e.file);
    if (!entry) return input_error("{}: the weight {} should be in {}, which is missing in the archive", what_, name, e.file);
    FASTC_TRY(auto bytes, zip_.read(*entry, entry->method == 0 ? UINT64_MAX : kMaxUnpacked));
    files_[e.file] = std::move(bytes);
  }
  const SharedBytes& file = files_[e.file];
  size_t item = size_of(e.dtype);
  auto fits = check_extent(e.sizes, e.strides, e.offset, item, file.bytes.size());
  if (!fits) return at(fmt::format("{}: the weight {} in {}", what_, name, e.file), std::move(fits).error());
  static const std::byte kNothing{};
  const std::byte* data = file.bytes.empty() ? &kNothing : file.bytes.data() + static_cast<size_t>(e.offset) * item;
  if (std::ranges::find(e.sizes, 0) != e.sizes.end()) data = file.bytes.empty() ? &kNothing : file.bytes.data();
  if (reinterpret_cast<uintptr_t>(data) % item == 0) return Stored{Tensor::view(e.dtype, e.sizes, e.strides, data, file.owner), e.trainable};
  // Not aligned in the file: a copy of the whole storage is.
  auto copy = std::make_shared<std::vector<std::byte>>(file.bytes.begin(), file.bytes.end());
  const std::byte* moved = copy->data() + (data - file.bytes.data());
  files_[e.file] = SharedBytes{{copy->data(), copy->size()}, copy};
  return Stored{Tensor::view(e.dtype, e.sizes, e.strides, moved, copy), e.trainable};
}

}  // namespace fastc::torch_export
