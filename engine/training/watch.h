// Hidden values out of a run of a plan, for losses that compare them. Gradients flow through them as through outputs.
#pragma once

#include <span>
#include <vector>

#include "engine/autograd.h"
#include "engine/train.h"

namespace fastc::engine {

// The nodes of one side of the levels; kStage names one that the module does not have.
Result<std::vector<NodeId>> watched_nodes(const Module& module, std::span<const Level> levels, std::string Level::*side);
// Puts the first result of nodes[i] into kept[i]; `kept` is made as long as `nodes`. Both must outlive the visitor.
Plan::Visitor keep_results(std::span<const NodeId> nodes, std::vector<at::Tensor>& kept);

}  // namespace fastc::engine
