#include <algorithm>

#include <fmt/format.h>

#include "ir/coupling.h"
#include "ir/op.h"

namespace fastc {
namespace {

// 0-7, 12, 14-15
std::string ranges(const std::vector<int64_t>& indices) {
  std::string out;
  for (size_t i = 0; i < indices.size();) {
    size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    out += fmt::format("{}{}", out.empty() ? "" : ", ", indices[i]);
    if (last > i) out += fmt::format("-{}", indices[last]);
    i = last + 1;
  }
  return out;
}

std::string names(const Module& module, const std::vector<NodeId>& nodes) {
  std::string out;
  for (const NodeId id : nodes) out += fmt::format("{}{}", out.empty() ? "" : ", ", module.node(id).name);
  return out;
}

std::vector<int64_t> all_indices(const Coupling& coupling, const ChannelSet& set, size_t member) {
  std::vector<int64_t> out;
  for (const size_t group : set.groups) {
    const auto& indices = coupling.groups[group].members[member].indices;
    out.insert(out.end(), indices.begin(), indices.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Through which ops that join, cut, shift or regroup channels the set reaches.
std::string joints(const Module& module, const Coupling& coupling, const ChannelSet& set) {
  std::string out;
  const auto& members = coupling.groups[set.groups.front()].members;
  for (size_t i = 0; i < members.size(); ++i) {
    const Node* node = module.producer(members[i].value);
    if (node == nullptr) continue;
    const std::string_view op = node->op->name;
    if (op != "add" && op != "sub" && op != "mul" && op != "concat" && op != "slice" && op != "pad" && op != "reshape" && op != "attention") continue;
    out += fmt::format("    through {} ({}): channels {} of {}\n", node->name, op, ranges(all_indices(coupling, set, i)), type_text(module.value(members[i].value).type));
  }
  return out;
}

std::string set_text(const Module& module, const Coupling& coupling, const ChannelSet& set, size_t number) {
  std::string out = fmt::format("set {}: {} {}", number, set.groups.size(), set.channels_per_group == 1 ? "channels" : fmt::format("groups of {} channels", set.channels_per_group));
  out += set.why_pinned.empty() ? (set.inner ? ", inner\n" : ", joined by additions\n") : fmt::format(", pinned: {}\n", set.why_pinned);
  if (!set.writers.empty()) out += fmt::format("    outputs of {}\n", names(module, set.writers));
  if (!set.through.empty()) out += fmt::format("    weights per channel of {}\n", names(module, set.through));
  if (!set.readers.empty()) out += fmt::format("    inputs of {}\n", names(module, set.readers));
  if (!set.why_pinned.empty()) return out;
  const auto& members = coupling.groups[set.groups.front()].members;
  for (size_t i = 0; i < members.size(); ++i) {
    if (!module.is_weight(members[i].value)) continue;
    out += fmt::format("    {} axis {}: {}\n", module.value(members[i].value).name, members[i].axis, ranges(all_indices(coupling, set, i)));
  }
  return out + joints(module, coupling, set);
}

}  // namespace

std::string coupling_text(const Module& module, const Coupling& coupling) {
  std::string out;
  for (size_t i = 0; i < coupling.sets.size(); ++i) out += set_text(module, coupling, coupling.sets[i], i);
  return out;
}

}  // namespace fastc
