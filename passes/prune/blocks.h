// Residual blocks that may be dropped: %sum = add(%f, %u) where %f is computed from %u alone and used by nothing else.
#pragma once

#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace fastc::prune {

struct Block {
  std::string name;            // the longest dotted prefix that its nodes share ("layer1.0"), else the joining node's name
  NodeId join = kNoId;         // the add, or the conv or linear with a fused residual
  ValueId in = kNoId;          // what remains of the block: its result becomes `in` (through the join's activation)
  std::vector<NodeId> branch;  // the nodes that go
};

// In program order. The types of the block's input and result are equal.
std::vector<Block> find_blocks(const Module& module);

// The block becomes the identity (followed by the activation that was fused into its join); dead nodes and weights go.
Status drop_block(Module& module, const Block& block);

}  // namespace fastc::prune
