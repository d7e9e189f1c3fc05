#include "frontends/frontend.h"

#include <cstring>

#include "base/files.h"
#include "base/zip.h"
#include "frontends/torch_export/torch_export.h"
#include "frontends/torchscript/torchscript.h"
#include "ir/text.h"

namespace fastc {
namespace {

constexpr std::string_view kRead = "fastc reads TorchScript (.pt, torch.jit.save), torch.export archives (.pt2, torch.export.save) and its own IR text";

enum class Format { kTorchScript, kTorchExport, kText };

struct Opened {
  Format format;
  std::optional<ZipReader> zip;
};

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// safetensors: 8 bytes of header length, then JSON.
bool is_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < 10) return false;
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length >= 2 && length <= bytes.size() - 8 && bytes[8] == std::byte{'{'};
}

// IR text: what is printable, and holds the word module near its start.
bool is_text(std::span<const std::byte> bytes) {
  std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 4096));
  return head.find('\0') == std::string_view::npos && head.find("module") != std::string_view::npos;
}

Result<Opened> open_zip(const std::filesystem::path& path) {
  FASTC_TRY(auto zip, ZipReader::open(path));
  if (torchscript::recognizes(zip)) return Opened{Format::kTorchScript, std::move(zip)};
  if (torch_export::recognizes(zip)) return Opened{Format::kTorchExport, std::move(zip)};
  if (auto why = torch_export::relative_of(zip); !why.empty()) return input_error("{}: {}", path.string(), why);
  for (const ZipEntry& entry : zip.entries()) {
    if (entry.name.ends_with("data.pkl"))
      return input_error("{}: a checkpoint written by torch.save: weights without a program; save the model with torch.jit.save(torch.jit.trace(model, x)) or torch.export.save",
                         path.string());
    if (entry.name.ends_with(".npy")) return input_error("{}: arrays (.npz), not a model; {}", path.string(), kRead);
  }
  return input_error("{}: a zip archive that holds no model; {}", path.string(), kRead);
}

Result<Opened> open_model(const std::filesystem::path& path) {
  FASTC_TRY(auto file, MappedFile::open(path));
  auto bytes = file->bytes();
  if (bytes.empty()) return input_error("{}: the file is empty", path.string());
  if (starts_with(bytes, "PK")) return open_zip(path);
  if (starts_with(bytes, "GGUF")) return input_error("{}: a GGUF file holds weights only, no program; not supported yet. {}", path.string(), kRead);
  if (is_safetensors(bytes)) return input_error("{}: a safetensors file holds weights only, no program; not supported yet. {}", path.string(), kRead);
  if (starts_with(bytes, "\x80\x02")) return input_error("{}: a pickle of PyTorch before 1.6; load and save it again with torch.jit.save. {}", path.string(), kRead);
  if (is_text(bytes)) return Opened{Format::kText, std::nullopt};
  return input_error("{}: not a model that fastc knows; {}", path.string(), kRead);
}

Result<Module> import_text(const std::filesystem::path& path, const ImportOptions& options) {
  if (!options.inputs.empty()) return usage_error("{}: IR text says its inputs' shapes itself; leave them out", path.string());
  return read_module(path);
}

}  // namespace

Result<Module> import_model(const std::filesystem::path& path, const ImportOptions& options) {
  FASTC_TRY(Opened opened, open_model(path));
  if (opened.format == Format::kText) return import_text(path, options);
  FASTC_TRY(Module module, opened.format == Format::kTorchScript ? torchscript::import(path, *opened.zip, options)
                                                                 : torch_export::import(path, *opened.zip, options));
  module.erase_dead();
  if (auto sound = verify(module); !sound) return at(path.filename().string(), std::move(sound).error());
  return module;
}

Result<std::vector<InputInfo>> model_inputs(const std::filesystem::path& path) {
  FASTC_TRY(Opened opened, open_model(path));
  if (opened.format == Format::kTorchScript) return torchscript::inputs(path, *opened.zip);
  if (opened.format == Format::kTorchExport) return torch_export::inputs(path, *opened.zip);
  FASTC_TRY(Module module, import_text(path, {}));
  std::vector<InputInfo> infos;
  for (ValueId id : module.inputs) infos.push_back({module.value(id).name, module.value(id).type.dtype, module.value(id).type.shape, {}});
  return infos;
}

}  // namespace fastc
