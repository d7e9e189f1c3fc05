#include "passes/prune/blocks.h"

#include <algorithm>
#include <set>

#include "ir/op.h"
#include "ir/rewrite.h"

namespace fastc::prune {
namespace {

// Everything that `out` needs, down to `in`.
std::set<NodeId> needed_by(const Module& module, ValueId in, ValueId out) {
  std::set<NodeId> nodes;
  std::vector<ValueId> open{out};
  while (!open.empty()) {
    const ValueId value = open.back();
    open.pop_back();
    const NodeId producer = value == kNoId || value == in ? kNoId : module.value(value).producer;
    if (producer == kNoId || !nodes.insert(producer).second) continue;
    const auto& inputs = module.node(producer).inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return nodes;
}

// Nothing outside of `nodes` but the join reads what the node computes.
bool kept_inside(const Module& module, NodeId id, const std::set<NodeId>& nodes, NodeId join, const std::vector<std::vector<NodeId>>& uses) {
  const auto& results = module.node(id).outputs;
  return std::all_of(results.begin(), results.end(), [&](ValueId value) {
    const auto& users = uses[static_cast<size_t>(value)];
    return !module.is_output(value) && std::all_of(users.begin(), users.end(), [&](NodeId user) { return user == join || nodes.count(user) > 0; });
  });
}

// The nodes that `out` needs and nothing else does: what goes with the branch. Masks and positions that other layers read too stay behind.
std::vector<NodeId> branch_between(const Module& module, ValueId in, ValueId out, NodeId join, const std::vector<std::vector<NodeId>>& uses) {
  std::set<NodeId> nodes = needed_by(module, in, out);
  for (size_t before = nodes.size() + 1; before != nodes.size();) {
    before = nodes.size();
    std::erase_if(nodes, [&](NodeId id) { return !kept_inside(module, id, nodes, join, uses); });
  }
  return {nodes.begin(), nodes.end()};
}

// Sums inside an activation (gelu's x + c·x³) are no blocks: nobody learned them.
bool learned(const Module& module, const std::vector<NodeId>& branch) {
  return std::any_of(branch.begin(), branch.end(), [&](NodeId id) { return module.node(id).op->trainable; });
}

std::string common_name(const Module& module, const std::vector<NodeId>& branch, NodeId join) {
  if (branch.empty()) return module.node(join).name;
  std::string prefix = module.node(branch.front()).name;
  for (const NodeId id : branch) {
    const std::string& name = module.node(id).name;
    const auto [end, unused] = std::mismatch(prefix.begin(), prefix.end(), name.begin(), name.end());
    prefix.erase(end, prefix.end());
  }
  const size_t dot = branch.size() == 1 ? std::string::npos : prefix.rfind('.');
  return dot == std::string::npos ? module.node(join).name : prefix.substr(0, dot);
}

struct Candidate {
  ValueId out, in;  // the branch's end and the shortcut
  bool fused;       // the join itself is the branch's last layer
};

// add(f, u) in either order; conv or linear with a fused residual.
std::vector<Candidate> candidates(const Node& node) {
  if (node.op->name == "add") return {{node.input(0), node.input(1), false}, {node.input(1), node.input(0), false}};
  if ((node.op->name == "conv" || node.op->name == "linear") && node.input(3) != kNoId) return {{node.input(0), node.input(3), true}};
  return {};
}

bool reads(const Module& module, const std::vector<NodeId>& branch, ValueId value) {
  return std::any_of(branch.begin(), branch.end(), [&](NodeId id) {
    const auto& inputs = module.node(id).inputs;
    return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
  });
}

}  // namespace

std::vector<Block> find_blocks(const Module& module) {
  std::vector<Block> blocks;
  const auto uses = module.uses();
  for (const NodeId id : module.order()) {
    const Node& join = module.node(id);
    for (const auto& [out, in, fused] : candidates(join)) {
      if (out == kNoId || in == kNoId || module.is_weight(in) || module.is_weight(out)) continue;
      if (!(module.value(in).type == module.value(join.output()).type)) continue;
      const auto branch = branch_between(module, in, out, id, uses);
      const bool whole = fused ? out == in || reads(module, branch, in) : learned(module, branch) && reads(module, branch, in);
      const bool ends_here = out == in || std::find(branch.begin(), branch.end(), module.value(out).producer) != branch.end();
      if (!whole || !ends_here) continue;
      blocks.push_back({common_name(module, branch, id), id, in, branch});
      break;
    }
  }
  return blocks;
}

namespace {

bool encloses(const std::string& outer, const std::string& inner) { return inner == outer || (inner.size() > outer.size() && inner.starts_with(outer) && inner[outer.size()] == '.'); }

// Whether `next` begins with what `block` leaves, directly or after nodes of one operand (norms, activations).
bool follows(const Module& module, const Block& block, const Block& next) {
  ValueId value = next.in;
  while (value != module.node(block.join).output()) {
    const Node* producer = module.producer(value);
    if (producer == nullptr || producer->inputs.empty() || producer->op->name == "add") return false;
    value = producer->inputs.front();
    if (value == kNoId || module.is_weight(value)) return false;
  }
  return true;
}

}  // namespace

std::vector<Unit> units_of(const Module& module, std::vector<Block> blocks, bool whole_modules) {
  std::vector<Unit> units;
  for (Block& block : blocks) {
    const bool together = whole_modules && !units.empty() && (encloses(units.back().name, block.name) || encloses(block.name, units.back().name)) &&
                          follows(module, units.back().blocks.back(), block);
    if (!together) {
      units.push_back({block.name, {std::move(block)}});
      continue;
    }
    if (encloses(block.name, units.back().name)) units.back().name = block.name;
    units.back().blocks.push_back(std::move(block));
  }
  return units;
}

Status drop_block(Module& module, const Block& block) {
  const Node join = module.node(block.join);
  const std::string activation = join.attrs.count("activation") ? join.string("activation") : "none";
  ValueId result = block.in;
  if (activation != "none") {
    Attrs attrs;
    if (activation == "clip") attrs = {{"lo", join.number("lo")}, {"hi", join.number("hi")}};
    FASTC_TRY(const NodeId node, module.add_node(activation, module.fresh_name(join.name + "." + activation), {block.in}, attrs, {}, block.join));
    result = module.node(node).output();
  }
  module.replace_uses(join.output(), result);
  module.erase_dead();
  return {};
}

}  // namespace fastc::prune
