// Which nodes of a float program become integer nodes, and which of their results are u8.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ir/module.h"

namespace fastc::quantize {

struct Plan {
  std::set<NodeId> integer;     // computed on quantized operands
  std::set<ValueId> quantized;  // results that stay quantized (the others of `integer` nodes are f32)
  std::set<ValueId> ranges;     // values whose range must be known: operands of integer nodes, and declared results
  std::vector<std::pair<NodeId, std::string>> refused;  // chosen nodes that stay float, and why: half a sentence
};

// conv and linear nodes of a float program: what a recipe's patterns choose among.
std::vector<NodeId> weighted_nodes(const Module& module);
// "" when the node can be computed on integer weights under activations of `bits`, else why not.
std::string refusal(const Module& module, const Node& node, int bits = 8);

// `chosen`: conv and linear nodes. Between them, ops that have an integer form (add, concat, pools, clip, reshape, …)
// stay integer where all their operands are, and somebody wants their result as u8; so from the first quantize to the
// last integer node nothing goes through floats that need not. Those that have it for 16 bits too are OpDef::sixteen_bits.
Plan make_plan(const Module& module, const std::set<NodeId>& chosen, int bits = 8);

}  // namespace fastc::quantize
