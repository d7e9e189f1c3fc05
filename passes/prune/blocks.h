// Residual blocks that may be dropped: %sum = add(%f, %u) where %f is computed from %u, with learned weights, and used by nothing else:
// y = x + f(x, …), whatever f is and what else it reads (masks, positions, an encoder's output). In a transformer these are the halves of a
// layer, attention and feed-forward.
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

// What is dropped together.
struct Unit {
  std::string name;
  std::vector<Block> blocks;  // in program order, each beginning where the one before ends
};

// In program order. The types of the block's input and result are equal.
std::vector<Block> find_blocks(const Module& module);

// Each block alone; or, `whole_modules`, neighbours that belong to one module of the user's network: their names are alike, or one is the
// other's enclosing path ("encoder.layer.0.attention", "encoder.layer.0").
std::vector<Unit> units_of(const Module& module, std::vector<Block> blocks, bool whole_modules);

// The block becomes the identity (followed by the activation that was fused into its join); dead nodes and weights go.
Status drop_block(Module& module, const Block& block);

}  // namespace fastc::prune
