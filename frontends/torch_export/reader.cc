#include "frontends/torch_export/reader.h"

#include <algorithm>

#include "frontends/torch_export/expr.h"
#include "frontends/torch_export/json_read.h"
#include "frontends/torch_export/torch_export.h"

namespace fastc::torch_export {

using aten::Arg;
using nlohmann::json;

Reader::Reader(Archive archive, std::unique_ptr<json> root, std::string what) : archive_(std::move(archive)), root_(std::move(root)), what_(std::move(what)) {}
Reader::~Reader() = default;

Result<Reader> Reader::open(const ZipReader& zip, std::string what) {
  FASTC_TRY(auto archive, Archive::open(zip, what));
  FASTC_TRY(json root, archive.graph());
  Reader reader(std::move(archive), std::make_unique<json>(std::move(root)), std::move(what));
  const json* module = member(*reader.root_, "graph_module");
  reader.graph_ = module ? member(*module, "graph") : nullptr;
  reader.signature_ = module ? member(*module, "signature") : nullptr;
  for (const char* key : {"inputs", "outputs", "nodes"})
    if (!reader.graph_ || !member(*reader.graph_, key) || !member(*reader.graph_, key)->is_array())
      return input_error("{}: model.json has no list graph_module.graph.{}", reader.what_, key);
  for (const char* key : {"input_specs", "output_specs"})
    if (!reader.signature_ || !member(*reader.signature_, key) || !member(*reader.signature_, key)->is_array())
      return input_error("{}: model.json has no list graph_module.signature.{}", reader.what_, key);
  FASTC_CHECK(reader.collect_weights());
  return reader;
}

// {"parameter": {"arg": {"name": …}, "parameter_name": …}} and its like.
Status Reader::collect_weights() {
  static constexpr std::pair<const char*, const char*> kKinds[] = {
      {"parameter", "parameter_name"}, {"buffer", "buffer_name"}, {"tensor_constant", "tensor_constant_name"}};
  for (const json& spec : *member(*signature_, "input_specs")) {
    for (auto [kind, key] : kKinds) {
      const json* inner = member(spec, kind);
      if (!inner) continue;
      const json* arg = member(*inner, "arg");
      if (!arg) return input_error("{}: an input specification without \"arg\"", what_);
      auto name = string_member(*arg, "name"), stored = string_member(*inner, key);
      if (!name || !stored) return input_error("{}: an input specification of kind {} without names", what_, kind);
      weights_[*name] = *stored;
    }
    for (const char* kind : {"custom_obj", "token"})
      if (member(spec, kind)) return input_error("{}: an input of kind {} is not supported", what_, kind);
  }
  return {};
}

Result<Dim> Reader::size(const json& value) const {
  if (const json* n = member(value, "as_int")) {
    FASTC_TRY(int64_t v, integer(*n));
    return Dim(v);
  }
  const json* expr = member(value, "as_expr");
  if (!expr) return input_error("expected a size, found {}", json_found(value));
  FASTC_TRY(std::string text, string_member(*expr, "expr_str"));
  FASTC_TRY(Dim d, parse_expr(text));
  return substitute_all(std::move(d), substitutions_);
}

Result<Dim> Reader::sym_int(const json& value) const {
  if (const json* n = member(value, "as_int")) {
    FASTC_TRY(int64_t v, integer(*n));
    return Dim(v);
  }
  FASTC_TRY(std::string name, string_member(value, "as_name"));
  const json* table = member(*graph_, "sym_int_values");
  const json* found = table ? member(*table, name.c_str()) : nullptr;
  if (!found) return input_error("the size {} is not described in the file", name);
  return size(*found);
}

Result<Type> Reader::tensor_type(const std::string& name) const {
  const json* table = member(*graph_, "tensor_values");
  const json* meta = table ? member(*table, name.c_str()) : nullptr;
  if (!meta) return input_error("the tensor {} is not described in the file", name);
  Type type;
  const json *dtype = member(*meta, "dtype"), *sizes = member(*meta, "sizes");
  if (!dtype || !sizes || !sizes->is_array()) return input_error("the tensor {} has no dtype or sizes", name);
  FASTC_TRY(type.dtype, parse_scalar_type(*dtype));
  for (const json& s : *sizes) {
    FASTC_TRY(Dim d, size(s));
    type.shape.push_back(std::move(d));
  }
  return type;
}

Result<std::vector<InputInfo>> Reader::inputs() const {
  std::vector<InputInfo> infos;
  for (const json& spec : *member(*signature_, "input_specs")) {
    const json* user = member(spec, "user_input");
    if (!user) {
      if (const json* constant = member(spec, "constant_input")) {
        const json* value = member(*constant, "value");
        if (!value || !member(*value, "as_none")) return input_error("{}: an input of the model is a number; only tensors can be inputs", what_);
      }
      continue;
    }
    const json* arg = member(*user, "arg");
    const json* tensor = arg ? member(*arg, "as_tensor") : nullptr;
    if (!tensor) {
      if (arg && member(*arg, "as_none")) continue;
      return input_error("{}: an input of the model is no tensor; only tensors can be inputs", what_);
    }
    auto name = string_member(*tensor, "name");
    if (!name) return at(what_, std::move(name).error());
    auto type = tensor_type(*name);
    if (!type) return at(what_, std::move(type).error());
    for (const InputInfo& other : infos)
      if (other.name == *name) return input_error("{}: two inputs are called {}", what_, *name);
    infos.push_back({*name, type->dtype, type->shape, {}});
  }
  return infos;
}

std::vector<Symbol> Reader::symbols() const {
  std::vector<Symbol> symbols;
  const json* ranges = member(*root_, "range_constraints");
  if (!ranges || !ranges->is_object()) return symbols;
  for (const auto& [name, range] : ranges->items()) {
    Symbol symbol{name};
    // Unbounded ends are null or a number out of range.
    auto low = member(range, "min_val") ? integer(*member(range, "min_val")) : Result<int64_t>(1);
    auto high = member(range, "max_val") ? integer(*member(range, "max_val")) : Result<int64_t>(symbol.max);
    if (low) symbol.min = std::clamp<int64_t>(*low, 0, symbol.max);
    if (high) symbol.max = std::clamp<int64_t>(*high, symbol.min, symbol.max);
    symbols.push_back(std::move(symbol));
  }
  return symbols;
}

Result<Module> Reader::build(const ImportOptions& options, std::string name) {
  FASTC_TRY(auto infos, inputs());
  FASTC_TRY(auto resolved, resolve_inputs(what_, infos, symbols(), options));
  substitutions_ = resolved.substitutions;
  Module module;
  module.name = std::move(name);
  module.symbols = resolved.symbols;
  aten::Lowering lowering(module);
  memory_.emplace(lowering);
  for (size_t i = 0; i < infos.size(); ++i) values_[infos[i].name] = Arg{aten::TensorArg{module.add_input(infos[i].name, resolved.types[i]), {}}};
  for (const json& n : *member(*graph_, "nodes")) {
    auto done = node(n, lowering);
    if (!done) return at(what_, std::move(done).error());
  }
  auto outputs = collect_outputs(module, lowering);
  if (!outputs) return at(what_, std::move(outputs).error());
  return module;
}

Status Reader::collect_outputs(Module& module, aten::Lowering& lowering) {
  for (const json& spec : *member(*signature_, "output_specs")) {
    const json* user = member(spec, "user_output");
    if (!user) {
      if (member(spec, "buffer_mutation") || member(spec, "user_input_mutation"))
        return input_error("the model changes a buffer or an input when it runs; call model.eval() before exporting, and return what it changes");
      return input_error("an output of this kind is not supported: {}", spec.is_object() && !spec.empty() ? spec.begin().key() : json_found(spec));
    }
    const json* arg = member(*user, "arg");
    if (!arg) return input_error("an output specification without \"arg\"");
    if (member(*arg, "as_none")) continue;
    const json* tensor_name = member(*arg, "as_tensor");
    if (!tensor_name) return input_error("an output of the model is no tensor; return tensors");
    FASTC_TRY(Arg value, tensor(*tensor_name, lowering));
    FASTC_CHECK(memory_->refresh(value));
    if (value.scalar()) {
      FASTC_TRY(auto t, lowering.materialize(value, DType::kF32));
      value = Arg{t};
    }
    module.outputs.push_back(value.tensor()->id);
  }
  return {};
}

bool recognizes(const ZipReader& zip) {
  for (const ZipEntry& entry : zip.entries()) {
    size_t at = entry.name.find("models/");
    if (at != std::string::npos && (at == 0 || entry.name[at - 1] == '/') && entry.name.ends_with(".json")) return true;
  }
  return false;
}

std::string relative_of(const ZipReader& zip) {
  for (const ZipEntry& entry : zip.entries()) {
    if (entry.name.ends_with("serialized_exported_program.json"))
      return "a torch.export archive in the layout that PyTorch wrote before 2.8; load it there and save it again with PyTorch 2.8 or later";
    if (entry.name.find("data/aotinductor/") != std::string::npos) return "an AOTInductor package: compiled code, no graph; save the model with torch.export.save";
  }
  return {};
}

Result<std::vector<InputInfo>> inputs(const std::filesystem::path& path, const ZipReader& zip) {
  FASTC_TRY(Reader reader, Reader::open(zip, path.filename().string()));
  return reader.inputs();
}

Result<Module> import(const std::filesystem::path& path, const ZipReader& zip, const ImportOptions& options) {
  FASTC_TRY(Reader reader, Reader::open(zip, path.filename().string()));
  return reader.build(options, path.stem().string());
}

}  // namespace fastc::torch_export
