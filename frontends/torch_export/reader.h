// One exported program on its way into a module.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "frontends/aten/memory.h"
#include "frontends/inputs.h"
#include "frontends/torch_export/archive.h"

namespace fastc::torch_export {

class Reader {
 public:
  static Result<Reader> open(const ZipReader& zip, std::string what);
  Reader(Reader&&) = default;
  ~Reader();

  Result<std::vector<InputInfo>> inputs() const;
  std::vector<Symbol> symbols() const;  // with the ranges the file declares
  Result<Module> build(const ImportOptions& options, std::string name);

 private:
  Reader(Archive archive, std::unique_ptr<nlohmann::json> root, std::string what);

  // What the file says of a tensor; sizes with the substitutions made.
  Result<Type> tensor_type(const std::string& name) const;
  Result<Dim> size(const nlohmann::json& json) const;         // {"as_int"}, {"as_expr": …}
  Result<Dim> sym_int(const nlohmann::json& json) const;      // {"as_int"}, {"as_name"}
  Result<aten::Arg> argument(const nlohmann::json& json, aten::Lowering& lowering);
  Result<aten::Arg> tensor(const nlohmann::json& json, aten::Lowering& lowering);  // {"name": …}
  Status node(const nlohmann::json& node, aten::Lowering& lowering);
  Status bind_outputs(const nlohmann::json& node, aten::ArgList results, aten::Lowering& lowering);
  Status bind(const nlohmann::json& name, aten::Arg value, aten::Lowering& lowering);
  Status collect_weights();
  Status collect_outputs(Module& module, aten::Lowering& lowering);

  Archive archive_;
  std::unique_ptr<nlohmann::json> root_;
  const nlohmann::json* graph_ = nullptr;
  const nlohmann::json* signature_ = nullptr;
  std::string what_;
  std::map<std::string, Dim> substitutions_;
  std::map<std::string, aten::Arg> values_;
  std::optional<aten::Memory> memory_;  // while a module is built
  std::map<std::string, std::string> weights_;  // graph name → name in the archive
  std::string layer_;                           // the path of the torch.nn layer that the current node stands in, or ""
};

std::string scope_of(const nlohmann::json& node);   // the dotted path of the innermost module; "" for the root
std::string layer_of(const nlohmann::json& node);   // the same where that module is a layer of torch.nn (Linear, Embedding …), else ""
std::string source_of(const nlohmann::json& node);  // "model.py:40", or ""

}  // namespace fastc::torch_export
