#include "driver/inspect.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "driver/model_file.h"
#include "driver/pipeline/context.h"
#include "driver/plugins.h"
#include "ir/cost.h"
#include "ir/coupling.h"
#include "ir/op.h"
#include "ir/text.h"

namespace fastc {
namespace {

std::string summary(const Module& module) {
  std::string out = "model " + module.name + "\n";
  for (const ValueId id : module.inputs) out += fmt::format("  input  {} : {}\n", module.value(id).name, type_text(module.value(id).type));
  for (const ValueId id : module.outputs) out += fmt::format("  output {} : {}\n", module.value(id).name, type_text(module.value(id).type));
  if (const auto cost = module_cost(module))
    out += fmt::format("  {} parameters, {:.3f} MB of weights, {:.2f} MMAC, {:.2f} MFLOP a sample\n", cost->parameters, static_cast<double>(cost->weight_bytes) / 1e6,
                       static_cast<double>(cost->macs) / 1e6, static_cast<double>(cost->flops) / 1e6);
  std::map<std::string_view, int> ops;
  for (const NodeId id : module.order()) ++ops[module.node(id).op->name];
  out += "  ops:";
  for (const auto& [name, count] : ops) out += fmt::format(" {} {}", count, name);
  return out + "\n";
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : ",") + (size < 0 ? std::string("?") : std::to_string(size));
  return text;
}

std::string tensors(const Module& module) {
  std::string out;
  for (const auto& [name, weight] : module.weights) {
    const std::vector<double> values = to_doubles(weight.data);
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const bool encoded = weight.encoding.kind == Encoding::Kind::kInt;
    out += fmt::format("{:<48} {}[{}]{} {}", name, name_of(weight.data.dtype()), shape_text(weight.data.shape()), encoded ? fmt::format(" int{}", weight.encoding.bits) : "", weight.trainable ? "" : "buffer ");
    if (!values.empty()) out += fmt::format("range {:.6g} to {:.6g}", *low, *high);
    out += "\n";
  }
  return out;
}

std::string artifact_tensors(const ArtifactModel& artifact) {
  std::string out;
  for (const StoredConstant& c : artifact.constants()) out += fmt::format("{:<48} {}[{}] {} {} bytes\n", c.name, name_of(c.dtype), shape_text(c.shape), c.packing, c.bytes);
  return out;
}

std::string artifact_summary(const ArtifactModel& artifact) {
  std::string out = "fastc artifact\n";
  for (const char* key : {"name", "model", "fastc", "task", "compiled_on"})
    if (const std::string value = artifact.metadata(key); !value.empty()) out += fmt::format("  {} {}\n", key, value);
  for (const ModelInput& input : artifact.inputs()) {
    out += fmt::format("  input  {} : {}[{}]\n", input.name, name_of(input.dtype), shape_text(input.shape));
  }
  for (const std::string& name : artifact.output_names()) out += "  output " + name + "\n";
  return out;
}

}  // namespace

Result<std::string> inspect_file(const std::filesystem::path& path, InspectView view, const std::vector<std::string>& shapes) {
  if (is_artifact(path)) {
    if (view == InspectView::kText || view == InspectView::kGroups)
      return usage_error("{} is an artifact: it keeps no IR, only what the runtime needs; inspect the model it was made from", path.string());
    FASTC_TRY(const ArtifactModel artifact, ArtifactModel::open(path, 1));
    return view == InspectView::kTensors ? artifact_tensors(artifact) : artifact_summary(artifact);
  }
  FASTC_TRY(const Module module, import_with_shapes(path, shapes));
  switch (view) {
    case InspectView::kText: return print(module);
    case InspectView::kTensors: return tensors(module);
    case InspectView::kGroups: {
      FASTC_TRY(const Coupling coupling, find_coupling(module));
      return coupling_text(module, coupling);
    }
    case InspectView::kSummary: break;
  }
  return summary(module);
}

Result<std::string> run_pass_on_file(const std::string& name, const std::filesystem::path& ir, const std::string& options, const std::filesystem::path& plugin,
                                     const std::filesystem::path& out) {
  if (!plugin.empty()) FASTC_CHECK(load_plugin(plugin));
  const Pass* pass = find_pass(name);
  if (!pass) return usage_error("no pass is called \"{}\"; fastc passes lists them", name);
  FASTC_TRY(const nlohmann::json chosen, parse_json(options, "--options", ErrorClass::kUsage));
  FASTC_CHECK(pass->check(chosen, ""));
  FASTC_TRY(Module module, read_module(ir));
  const Recipe recipe;
  const Models models{module, {}};
  StageContext context(recipe, nullptr, models, name, silent_progress());
  FASTC_TRY(const PassReport report, pass->run(module, chosen, context));
  FASTC_CHECK(verify(module));
  if (out.empty()) return print(module);
  FASTC_CHECK(write_module(module, out));
  std::string text = report.changed ? "changed\n" : "unchanged\n";
  for (const std::string& note : report.notes) text += note + "\n";
  return text;
}

}  // namespace fastc
