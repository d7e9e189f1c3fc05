// The part of a network behind some of its values, as a network of its own: what comes before is computed once, and only the rest is run
// for each of many candidates.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace fastc::prune {

struct Suffix {
  Module module;                 // inputs: `frontier`, in its order; outputs: the network's
  std::vector<ValueId> frontier; // of the whole network: first the values asked for, then what else the rest reads
};

// Everything that `values` lead to. None of them may lead to another one. Outputs that they do not lead to are passed through.
Suffix suffix_behind(const Module& whole, std::span<const ValueId> values);

// What the network computes for `wanted` on these inputs; undefined where it is neither an input nor a result.
Result<std::vector<Tensor>> values_of(const Module& whole, std::span<const Tensor> inputs, std::span<const ValueId> wanted);

}  // namespace fastc::prune
