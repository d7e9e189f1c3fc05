#include "ir/coupling.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "ir/coupling_elements.h"
#include "ir/op.h"
#include "ir/ops/common.h"
#include "ir/recurrent.h"

namespace fastc {
namespace {

// Weight members of groups that cannot go matter only where the tie leads out of the weight: a kernel's taps do not.
bool worth_telling(const Module& module, const Group& group) {
  const auto weight = [&](const Member& member) { return module.is_weight(member.value); };
  const bool any = std::any_of(group.members.begin(), group.members.end(), weight);
  return any && !std::all_of(group.members.begin(), group.members.end(), weight);
}

std::string signature(const Group& group, int pin) {
  std::string key = fmt::format("{}", pin);
  for (const Member& member : group.members) key += fmt::format(";{},{},{}", member.value, member.axis, member.indices.size());
  return key;
}

struct Collected {
  std::vector<Group> groups;
  std::vector<int> pins;  // per group: the node that pins it, or a Pin
};

Collected collect(const Module& module, Elements& elements) {
  Collected out;
  std::unordered_map<int32_t, size_t> group_of;
  elements.each([&](ValueId value, int64_t axis, int64_t index, int32_t root) {
    const auto [found, fresh] = group_of.try_emplace(root, out.groups.size());
    if (fresh) {
      out.groups.emplace_back();
      out.pins.push_back(elements.pin_of(root));
    }
    auto& members = out.groups[found->second].members;
    if (members.empty() || members.back().value != value || members.back().axis != axis) members.push_back({value, axis, {}});
    members.back().indices.push_back(index);
  });
  Collected kept;
  for (size_t i = 0; i < out.groups.size(); ++i) {
    if (!worth_telling(module, out.groups[i])) continue;
    kept.groups.push_back(std::move(out.groups[i]));
    kept.pins.push_back(out.pins[i]);
  }
  return kept;
}

std::string pin_sentence(const Module& module, int pin) {
  if (pin == kPinInput) return "an input of the network has these channels";
  if (pin == kPinOutput) return "an output of the network has these channels";
  if (pin == kPinLast) return "they are all that there is along some axis";
  if (pin == kPinSymbolic) return "they meet a size that is known only when the network runs";
  const Node& node = module.node(pin);
  return fmt::format("{} ({}) needs every one of them", node.name, node.op->name);
}

const Member* member_of(const Group& group, ValueId value) {
  for (const Member& member : group.members) {
    if (member.value == value) return &member;
  }
  return nullptr;
}

const Member* member_at(const Group& group, ValueId value, int64_t axis) {
  for (const Member& member : group.members) {
    if (member.value == value && member.axis == axis) return &member;
  }
  return nullptr;
}

// Weight operands and their axes of input and output channels (-1: none), the one that speaks for the node first; nothing for ops whose
// weights lie along the channels.
struct WeightAxes { size_t operand; int64_t in, out; };
std::vector<WeightAxes> weight_axes(const Module& module, const Node& node) {
  const std::string_view op = node.op->name;
  if ((op == "conv" || op == "conv_transpose") && ops::is_depthwise(module, node)) return {};
  if (op == "conv" || op == "linear") return {{1, 1, 0}};
  if (op == "conv_transpose") return {{1, 0, 1}};
  if (op == "embedding") return {{0, -1, 1}};
  if (!is_recurrent(node)) return {};
  // The hidden units are counted along the input of w_hh; its rows and those of w_ih hold them once a gate.
  const std::vector<size_t> matrices = matrices_of(node);  // w_ih and w_hh in turn
  std::vector<WeightAxes> out{{matrices[1], -1, 1}};
  for (size_t i = 0; i < matrices.size(); ++i) out.push_back({matrices[i], i % 2 == 0 ? 1 : -1, 0});
  return out;
}

// Whether it is new.
bool add_once(std::vector<NodeId>& list, NodeId id) {
  if (std::find(list.begin(), list.end(), id) != list.end()) return false;
  list.push_back(id);
  return true;
}

// The layers whose output channels `from` carries, through nodes that only pass them on.
void find_sources(const Module& module, const Group& group, ValueId from, std::set<NodeId>& seen, std::set<NodeId>& sources) {
  const Node* node = from == kNoId ? nullptr : module.producer(from);
  const NodeId id = node == nullptr ? kNoId : module.value(from).producer;
  if (node == nullptr || member_of(group, from) == nullptr || !seen.insert(id).second) return;
  if (!weight_axes(module, *node).empty()) {
    sources.insert(id);
    return;
  }
  for (const ValueId input : node->inputs) find_sources(module, group, input, seen, sources);
}

// An addition of what different layers computed. x + x³ in a spelled-out gelu, or the two halves of a rotary embedding, are of one layer.
bool joins(const Module& module, const Node& node, const Group& group) {
  const bool sums = node.op->name == "add" || node.op->name == "sub";
  const ValueId a = sums ? node.input(0) : node.op->operands.size() == 4 && node.op->operands[3].name == "residual" ? node.output() : kNoId;
  const ValueId b = sums ? node.input(1) : node.input(3);
  if (a == kNoId || b == kNoId || module.is_weight(a) || module.is_weight(b)) return false;
  if (member_of(group, a) == nullptr || member_of(group, b) == nullptr) return false;
  std::set<NodeId> seen_a, seen_b, sources_a, sources_b;
  find_sources(module, group, a, seen_a, sources_a);
  find_sources(module, group, b, seen_b, sources_b);
  return sources_a != sources_b;
}

// All groups of a set have the same members, so that one tells the roles of the nodes.
void find_roles(const Module& module, const Group& group, const std::vector<std::vector<NodeId>>& uses, ChannelSet& set) {
  std::vector<NodeId> nodes;
  for (const Member& member : group.members) {
    const auto& users = uses[static_cast<size_t>(member.value)];
    nodes.insert(nodes.end(), users.begin(), users.end());
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());  // a node that uses several members still counts once
  std::vector<WeightAxis> more_written, more_read;
  for (const NodeId id : nodes) {
    const Node& node = module.node(id);
    if (joins(module, node, group)) set.inner = false;
    const auto axes = weight_axes(module, node);
    for (const auto& [operand, in, out] : axes) {
      const ValueId weight = node.inputs[operand];
      if (!module.is_weight(weight)) continue;
      if (const Member* written = member_at(group, weight, out)) {
        if (set.writers.empty()) set.channels_per_group = static_cast<int64_t>(written->indices.size());
        (add_once(set.writers, id) ? set.written : more_written).push_back({weight, out});
      }
      if (in >= 0 && member_at(group, weight, in)) (add_once(set.readers, id) ? set.read : more_read).push_back({weight, in});
    }
    if (!axes.empty()) continue;
    for (const ValueId input : node.inputs) {
      if (module.is_weight(input) && node.op->trainable && member_of(group, input)) add_once(set.through, id);
    }
  }
  set.written.insert(set.written.end(), more_written.begin(), more_written.end());
  set.read.insert(set.read.end(), more_read.begin(), more_read.end());
}

Result<Elements> couple_all(const Module& module, Answers answers) {
  Elements elements(module, std::move(answers));
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    elements.at_node(id);
    const OpView view{module, node};
    if (node.op->couple != nullptr) {
      node.op->couple(view, elements);
    } else {
      elements.pin_everything(view);
    }
    if (!elements.error().empty()) return internal_error("node {} ({}): {}", node.name, node.op->name, elements.error());
  }
  for (const ValueId id : module.inputs) elements.pin_value(id, kPinInput);
  for (const ValueId id : module.outputs) elements.pin_value(id, kPinOutput);
  elements.pin_whole_axes();
  return elements;
}

int64_t free_weight_elements(const Module& module, Elements& elements) {
  int64_t count = 0;
  elements.each([&](ValueId value, int64_t, int64_t, int32_t root) { count += module.is_weight(value) && elements.pin_of(root) == kNotPinned; });
  return count;
}

// The rules' first answers; then, for each thing that these leave pinned, the first other answer that frees more.
Result<Elements> best_coupling(const Module& module) {
  FASTC_TRY(Elements best, couple_all(module, {}));
  const std::vector<Elements::Asked> asked = best.asked();
  for (const auto& [question, whole, alternatives] : asked) {
    for (size_t other = 1; other < alternatives && best.pinned(whole); ++other) {
      Answers answers = best.answers();
      answers[question] = other;
      FASTC_TRY(Elements tried, couple_all(module, std::move(answers)));
      if (free_weight_elements(module, tried) > free_weight_elements(module, best)) best = std::move(tried);
    }
  }
  return best;
}

}  // namespace

Result<Coupling> find_coupling(const Module& module) {
  FASTC_TRY(Elements elements, best_coupling(module));
  Collected found = collect(module, elements);
  const auto uses = module.uses();
  Coupling coupling{std::move(found.groups), {}};
  std::unordered_map<std::string, size_t> set_of;
  for (size_t i = 0; i < coupling.groups.size(); ++i) {
    const auto [place, fresh] = set_of.try_emplace(signature(coupling.groups[i], found.pins[i]), coupling.sets.size());
    if (fresh) {
      ChannelSet set;
      find_roles(module, coupling.groups[i], uses, set);
      if (found.pins[i] != kNotPinned) set.why_pinned = pin_sentence(module, found.pins[i]);
      coupling.sets.push_back(std::move(set));
    }
    coupling.sets[place->second].groups.push_back(i);
  }
  std::stable_partition(coupling.sets.begin(), coupling.sets.end(), [](const ChannelSet& set) { return set.why_pinned.empty(); });
  return coupling;
}

}  // namespace fastc
