// Loads a TorchScript file and drives the walk. LibTorch throws; nothing leaves this file as an exception.
#include <c10/util/Exception.h>
#include <torch/csrc/jit/serialization/import.h>

#include "frontends/inputs.h"
#include "frontends/torchscript/torchscript.h"
#include "frontends/torchscript/walk.h"

namespace fastc::torchscript {
namespace {

using aten::Arg;
using aten::ArgList;

// The first line of LibTorch's message, without its C++ backtrace.
std::string first_line(const std::exception& e) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
  std::string text = torch_error ? torch_error->what_without_backtrace() : e.what();
  if (size_t end = text.find('\n'); end != std::string::npos) text.resize(end);
  return text;
}

// LibTorch's reader trusts the archive; checksums find damage before it does.
Status check_archive(const ZipReader& zip) {
  for (const ZipEntry& entry : zip.entries()) FASTC_CHECK(zip.read(entry));
  return {};
}

Result<torch::jit::Module> load(const std::filesystem::path& path, const ZipReader& zip) {
  FASTC_CHECK(check_archive(zip));
  try {
    torch::jit::Module module = torch::jit::load(path.string(), c10::Device(c10::kCPU));
    module.eval();
    return module;
  } catch (const std::exception& e) {
    return input_error("{}: LibTorch cannot load it as TorchScript: {}", path.string(), first_line(e));
  }
}

Result<std::vector<InputInfo>> describe(const torch::jit::Module& module, const std::filesystem::path& path, const ZipReader& zip) {
  auto forward = module.find_method("forward");
  if (!forward) return input_error("{}: the module has no forward method", path.string());
  auto traced = traced_inputs(zip);
  const auto& arguments = forward->function().getSchema().arguments();
  std::vector<InputInfo> infos;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    if (argument.default_value() && argument.default_value()->isNone()) continue;  // an optional one stays None
    if (argument.type()->kind() != c10::TypeKind::TensorType)
      return input_error("{}: forward's argument {} is of type {}; only tensors can be inputs: wrap the model so that forward takes tensors", path.string(),
                         argument.name(), argument.type()->str());
    InputInfo info{argument.name(), {}, {}, {}};
    if (infos.size() < traced.size()) {
      info.dtype = traced[infos.size()].dtype;
      info.example = traced[infos.size()].sizes;
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

Status collect_outputs(Module& module, const Arg& arg) {
  if (const auto* t = arg.tensor()) {
    module.outputs.push_back(t->id);
    return {};
  }
  const ArgList* list = arg.list();
  if (!list) return input_error("the model returns something that is no tensor");
  for (const Arg& item : *list)
    if (!item.none()) FASTC_CHECK(collect_outputs(module, item));
  return {};
}

Result<Module> build(torch::jit::Module& script, const std::filesystem::path& path, const ZipReader& zip, const ImportOptions& options) {
  FASTC_TRY(auto infos, describe(script, path, zip));
  FASTC_TRY(auto resolved, resolve_inputs(path.filename().string(), infos, {}, options));
  Module module;
  module.name = path.stem().string();
  module.symbols = resolved.symbols;
  aten::Lowering lowering(module);
  const auto arguments = script.find_method("forward")->function().getSchema().arguments();
  std::vector<Slot> args;
  size_t next = 0;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (next < infos.size() && arguments[i].name() == infos[next].name) {
      args.push_back(Arg{aten::TensorArg{module.add_input(infos[next].name, resolved.types[next]), {}}});
      ++next;
    } else {
      args.emplace_back(std::in_place_type<Arg>);
    }
  }
  aten::Memory memory(lowering);
  Walker walker(lowering, memory);
  FASTC_TRY(Slot result, walker.call({script._ivalue(), ""}, "forward", std::move(args)));
  if (!std::holds_alternative<Arg>(result)) return input_error("the model returns an object; return tensors");
  Arg& outputs = std::get<Arg>(result);
  FASTC_CHECK(memory.refresh(outputs));
  FASTC_CHECK(collect_outputs(module, outputs));
  return module;
}

}  // namespace

bool recognizes(const ZipReader& zip) {
  for (const ZipEntry& entry : zip.entries()) {
    size_t slash = entry.name.find('/');
    if (slash != std::string::npos && entry.name.substr(slash + 1).starts_with("code/")) return true;
  }
  return false;
}

Result<std::vector<InputInfo>> inputs(const std::filesystem::path& path, const ZipReader& zip) {
  FASTC_TRY(auto module, load(path, zip));
  return describe(module, path, zip);
}

Result<Module> import(const std::filesystem::path& path, const ZipReader& zip, const ImportOptions& options) {
  FASTC_TRY(auto script, load(path, zip));
  try {
    auto module = build(script, path, zip, options);
    if (!module && module.error().cls == ErrorClass::kInput) return at(path.filename().string(), std::move(module).error());
    return module;
  } catch (const std::exception& e) {
    return input_error("{}: LibTorch refuses a part of it: {}", path.string(), first_line(e));
  }
}

}  // namespace fastc::torchscript
