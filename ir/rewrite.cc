#include "ir/rewrite.h"

#include <algorithm>
#include <cassert>

#include "base/glob.h"
#include "base/text.h"
#include "ir/op.h"

namespace fastc {
namespace {

bool matches(const Node& node, std::string_view pattern) {
  if (pattern.substr(0, 3) == "op:") return glob_match(pattern.substr(3), node.op->name);
  return glob_match(pattern, node.name);
}

tl::unexpected<Error> matches_nothing(const Module& module, std::span<const NodeId> candidates,
                                      const std::string& pattern, std::string_view what) {
  std::vector<std::string> names;
  for (const NodeId id : candidates) names.push_back(module.node(id).name);
  if (names.empty()) return usage_error("expected \"{}\" to match {}, found no such node in the model", pattern, what);
  const std::string guess = nearest(pattern, names);
  return usage_error("expected \"{}\" to match {}, found no match{}; there are {}", pattern, what,
                     guess.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", guess), list_words(names));
}

}  // namespace

Uses::Uses(const Module& module) : counts_(module.value_count(), 0), users_(module.uses()) {
  for (const NodeId id : module.order())
    for (const ValueId input : module.node(id).inputs)
      if (input != kNoId) ++counts_[static_cast<size_t>(input)];
  for (const ValueId output : module.outputs) ++counts_[static_cast<size_t>(output)];
}

NodeId Uses::single_user(ValueId id) const { return count(id) == 1 && users(id).size() == 1 ? users(id)[0] : kNoId; }

bool is_op(const Node& node, std::string_view op) { return node.op != nullptr && node.op->name == op; }

const Node* producer_of(const Module& module, ValueId id, std::string_view op) {
  const Node* node = module.producer(id);
  return node != nullptr && is_op(*node, op) ? node : nullptr;
}

std::vector<int> positions(const Module& module) {
  std::vector<int> out(module.node_count(), -1);
  int next = 0;
  for (const NodeId id : module.order()) out[static_cast<size_t>(id)] = next++;
  return out;
}

std::optional<double> scalar_weight(const Module& module, ValueId id) {
  if (!module.is_weight(id)) return {};
  const Weight& weight = module.weight(id);
  if (weight.data.elements() != 1 || weight.data.dtype() != DType::kF32 ||
      weight.encoding.kind != Encoding::Kind::kDense)
    return {};
  return to_doubles(weight.data)[0];
}

void rename_node(Module& module, NodeId id, std::string_view name) {
  Node& node = module.node(id);
  assert(module.find_value(name) == kNoId || module.find_value(name) == node.output());
  node.name = name;
  module.value(node.output()).name = name;
  for (size_t i = 1; i < node.outputs.size(); ++i) module.value(node.outputs[i]).name = fmt::format("{}#{}", name, i);
}

void set_operand(Node& node, size_t operand, ValueId value) {
  if (node.inputs.size() <= operand) node.inputs.resize(operand + 1, kNoId);
  node.inputs[operand] = value;
  while (!node.inputs.empty() && node.inputs.back() == kNoId) node.inputs.pop_back();
}

void set_weight(Module& module, NodeId id, size_t operand, Weight weight) {
  Node& node = module.node(id);
  const ValueId old = node.input(operand);
  assert(module.is_weight(old));
  if (Uses(module).single_user(old) == id) {
    module.value(old).type = type_of(weight);
    module.weight(old) = std::move(weight);
    return;
  }
  const ValueId fresh = module.add_weight(module.fresh_name(module.value(old).name), std::move(weight));
  set_operand(module.node(id), operand, fresh);
}

Result<std::vector<NodeId>> select_nodes(const Module& module, std::span<const NodeId> candidates,
                                         std::span<const std::string> include, std::span<const std::string> exclude,
                                         std::string_view what) {
  std::vector<bool> chosen(candidates.size(), false);
  const auto apply = [&](std::span<const std::string> patterns, bool value) -> Status {
    for (const std::string& pattern : patterns) {
      bool any = false;
      for (size_t i = 0; i < candidates.size(); ++i) {
        if (!matches(module.node(candidates[i]), pattern)) continue;
        chosen[i] = value;
        any = true;
      }
      if (!any) return matches_nothing(module, candidates, pattern, what);
    }
    return {};
  };
  FASTC_CHECK(apply(include, true));
  FASTC_CHECK(apply(exclude, false));
  std::vector<NodeId> out;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (chosen[i]) out.push_back(candidates[i]);
  return out;
}

}  // namespace fastc
