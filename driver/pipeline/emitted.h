// A module as its users get it: the implicit passes, lowering, the file written, re-opened, looked at.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "driver/report/report.h"
#include "ir/module.h"

namespace fastc {

// Runs one registered pass with options given as JSON text; for the implicit ones. `context` may be what tests make.
Result<PassReport> run_implicit(Module& module, std::string_view pass, PassContext& context);

// After import: graph.canonicalize, then what models spell out becomes one op (graph.norm, graph.attention).
Status make_canonical(Module& module, PassContext& context);

// graph.fold and graph.fuse on a copy.
Result<Module> ready_to_lower(const Module& module, PassContext& context);

struct Emitted {
  Module lowered;   // what was lowered
  std::filesystem::path path;
  std::string sha256;
  Figures figures;  // bytes, weight_bytes, parameters, flops; accuracy and times are taken by others
};
using Metadata = std::vector<std::pair<std::string, std::string>>;
Result<Emitted> emit(const Module& module, const std::filesystem::path& path, const Metadata& metadata, PassContext& context);

}  // namespace fastc
