#include "engine/training/watch.h"

namespace fastc::engine {

Result<std::vector<NodeId>> watched_nodes(const Module& module, std::span<const Level> levels, std::string Level::*side) {
  std::vector<NodeId> nodes;
  for (const Level& level : levels) {
    const NodeId id = module.find_node(level.*side);
    if (id == kNoId) return stage_error("no node of {} is called \"{}\"; fastc inspect MODEL --text lists them", module.name, level.*side);
    nodes.push_back(id);
  }
  return nodes;
}

Plan::Visitor keep_results(std::span<const NodeId> nodes, std::vector<at::Tensor>& kept) {
  kept.assign(nodes.size(), {});
  return [nodes, &kept](NodeId node, std::span<const at::Tensor>, std::span<const at::Tensor> results) -> Status {
    for (size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i] == node) kept[i] = results[0];
    return {};
  };
}

}  // namespace fastc::engine
