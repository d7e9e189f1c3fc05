#include "driver/pipeline/emitted.h"

#include <nlohmann/json.hpp>

#include "backends/cpu/lower.h"
#include "base/files.h"
#include "base/sha256.h"
#include "ir/cost.h"

namespace fastc {

Result<PassReport> run_implicit(Module& module, std::string_view name, PassContext& context) {
  const Pass* pass = find_pass(name);
  if (!pass) return internal_error("the pass {} is not part of this build", name);
  FASTC_TRY(PassReport report, pass->run(module, nlohmann::json::object(), context));
  if (Status status = verify(module); !status) return internal_error("after {}: {}", name, status.error().message);
  return report;
}

Status make_canonical(Module& module, PassContext& context) {
  for (const char* pass : {"graph.canonicalize", "graph.norm", "graph.attention"}) FASTC_CHECK(run_implicit(module, pass, context));
  return {};
}

Result<Module> ready_to_lower(const Module& module, PassContext& context) {
  Module copy = module;
  for (const char* pass : {"graph.fold", "graph.fuse", "graph.clean"}) FASTC_CHECK(run_implicit(copy, pass, context));
  return copy;
}

Result<Emitted> emit(const Module& module, const std::filesystem::path& path, const Metadata& metadata, PassContext& context) {
  Emitted emitted;
  FASTC_TRY(emitted.lowered, ready_to_lower(module, context));
  FASTC_TRY(const ArtifactBytes bytes, lower(emitted.lowered, {metadata}));
  FASTC_CHECK(write_atomic(path, bytes));
  emitted.path = path;
  emitted.sha256 = sha256_hex(bytes);
  FASTC_TRY(const ModuleCost total, module_cost(emitted.lowered));
  emitted.figures.bytes = bytes.size();
  emitted.figures.weight_bytes = static_cast<uint64_t>(total.weight_bytes);
  emitted.figures.parameters = total.parameters;
  emitted.figures.flops = total.flops;
  return emitted;
}

}  // namespace fastc
