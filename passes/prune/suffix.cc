#include "passes/prune/suffix.h"

#include <algorithm>
#include <map>

#include "engine/engine.h"
#include "ir/op.h"

namespace fastc::prune {
namespace {

// Whether each value depends on one of `values`.
std::vector<bool> behind(const Module& module, std::span<const ValueId> values) {
  std::vector<bool> from(module.value_count()), out(module.value_count());
  for (const ValueId value : values) from[static_cast<size_t>(value)] = true;
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    const bool reads = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return v != kNoId && (from[static_cast<size_t>(v)] || out[static_cast<size_t>(v)]); });
    if (!reads) continue;
    for (const ValueId result : node.outputs) out[static_cast<size_t>(result)] = true;
  }
  return out;
}

}  // namespace

Suffix suffix_behind(const Module& whole, std::span<const ValueId> values) {
  const std::vector<bool> inside = behind(whole, values);
  Suffix suffix{whole, {values.begin(), values.end()}};
  const auto take_in = [&](ValueId value) {
    if (value == kNoId || whole.is_weight(value) || inside[static_cast<size_t>(value)]) return;
    if (std::find(suffix.frontier.begin(), suffix.frontier.end(), value) == suffix.frontier.end()) suffix.frontier.push_back(value);
  };
  for (const NodeId id : whole.order()) {
    const Node& node = whole.node(id);
    if (!inside[static_cast<size_t>(node.output())]) continue;
    for (const ValueId input : node.inputs) take_in(input);
  }
  for (const ValueId output : whole.outputs) take_in(output);
  Module& module = suffix.module;
  module.inputs.clear();
  for (const ValueId value : suffix.frontier) {
    const ValueId input = module.add_input(module.fresh_name(whole.value(value).name), whole.value(value).type);
    module.replace_uses(value, input);
  }
  module.erase_dead();
  return suffix;
}

Result<std::vector<Tensor>> values_of(const Module& whole, std::span<const Tensor> inputs, std::span<const ValueId> wanted) {
  std::map<ValueId, Tensor> found;
  for (size_t i = 0; i < whole.inputs.size() && i < inputs.size(); ++i) found[whole.inputs[i]] = inputs[i];
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(whole));
  FASTC_CHECK(evaluator.run(inputs, [&](NodeId id, std::span<const Tensor>, std::span<const Tensor> results) -> Status {
    for (size_t i = 0; i < results.size(); ++i) {
      const ValueId value = whole.node(id).outputs[i];
      if (std::find(wanted.begin(), wanted.end(), value) != wanted.end()) found[value] = results[i];
    }
    return {};
  }));
  std::vector<Tensor> out;
  for (const ValueId value : wanted) out.push_back(found[value]);
  return out;
}

}  // namespace fastc::prune
