#include "base/files.h"
#include "ir/sidecar.h"
#include "ir/text.h"

namespace fastc {
namespace {

std::filesystem::path sidecar_of(std::filesystem::path path) { return path.replace_extension(".weights"); }

}  // namespace

Status write_module(const Module& module, const std::filesystem::path& path) {
  const PrintOptions options;
  std::map<std::string, Tensor> large;
  const auto keep = [&](const Tensor& tensor) {
    if (tensor.defined() && tensor.elements() > options.literal_elements) large.emplace(tensor_hash(tensor), tensor);
  };
  for (const auto& [name, weight] : module.weights) {
    keep(weight.data);
    keep(weight.encoding.scales);
  }
  // First the data, so that a text that is there can be read.
  if (!large.empty()) FASTC_CHECK(write_sidecar(sidecar_of(path), large));
  return write_atomic(path, print(module, options));
}

Result<Module> read_module(const std::filesystem::path& path) {
  FASTC_TRY(const std::string text, read_text(path));
  auto module = parse(text, sidecar_of(path));
  if (!module) return at(path.string(), module.error());
  return module;
}

}  // namespace fastc
