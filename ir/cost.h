// What a module costs, from the ops' own cost rules (ir/ops).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

struct NodeCost {
  NodeId node = kNoId;
  int64_t macs = 0;
  int64_t flops = 0;
};

struct ModuleCost {
  int64_t macs = 0;
  int64_t flops = 0;         // 2 x MACs of conv, linear, matmul, attention, plus 1 per element elsewhere
  int64_t parameters = 0;    // trainable numbers that are stored and not zero by pattern
  int64_t weight_bytes = 0;  // every weight as encoded, with scales
  std::vector<NodeCost> nodes;
};

// Symbols: as given; else the batch symbol (axis 0 of the first input) is 1 and every other one its smallest allowed value, at least 1.
// Errors when a count passes 2^63.
FASTC_API Result<ModuleCost> module_cost(const Module& module, SymbolValues symbols = {});

// Weights that integer kernels read: a byte a number in memory, and in the file a code of as few bits as their encoding needs.
FASTC_API std::set<std::string> read_as_bytes(const Module& module);

// What the weight takes in the file, its scales included.
FASTC_API int64_t bytes_in_file(const Weight& weight, bool read_as_bytes);

// Numbers that are stored and, under a sparsity pattern, not zero.
FASTC_API int64_t stored_numbers(const Weight& weight);

// The values a cost, a test input or a plan is made for, chosen as above.
FASTC_API SymbolValues default_symbols(const Module& module);

}  // namespace fastc
