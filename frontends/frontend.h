// A model file → ir::Module. The format is told by the file's content, not by its name. Weights are views into memory that LibTorch
// or the mapped file owns: importing copies nothing.
//
// Read: TorchScript (.pt: a zip with code/), torch.export archives (.pt2: a zip with models/*.json), and fastc's IR text.
// Errors: kInput for a file that cannot be read or holds an op that is not supported (op, node, source line, what to do); kUsage where
// the caller has to say more (an input's shape), with the line to add to the recipe.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

struct InputSpec {
  std::optional<Shape> shape;  // symbols that the module does not know yet are made, with the range [1, 2^31]
  std::optional<DType> dtype;
};

struct ImportOptions {
  // By the input's name, or by its alias input_0, input_1 …; a key that names no input is a kUsage error.
  std::map<std::string, InputSpec> inputs;    // holds against what the file says: a symbol of the file may get a name or a number
  std::map<std::string, InputSpec> fallback;  // used where neither `inputs` nor the file says it (the first sample of the task's data)
};

FASTC_API Result<Module> import_model(const std::filesystem::path& path, const ImportOptions& options = {});

// What a file says of its inputs, before anything is imported.
struct InputInfo {
  std::string name;
  std::optional<DType> dtype;
  std::optional<Shape> shape;    // .pt2 and IR text
  std::vector<int64_t> example;  // the sizes that a TorchScript file was traced with; a hint, not a contract
};
FASTC_API Result<std::vector<InputInfo>> model_inputs(const std::filesystem::path& path);

// "N,3,32,32" → {N, 3, 32, 32}; entries as Dim::text writes them.
FASTC_API Result<Shape> parse_shape(std::string_view text);

}  // namespace fastc
