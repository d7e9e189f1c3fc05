// Which sets of channels a recipe asks about.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/coupling.h"

namespace fastc::prune {

struct Selection {
  std::vector<std::string> include, exclude;  // patterns on the nodes that write the channels
  bool inner_only = true;                     // residual streams stay
};

// Free sets with a writer that is chosen and none that is excluded.
Result<std::vector<size_t>> chosen_sets(const Module& module, const Coupling& coupling, const Selection& selection);

// A set is known again after channels were removed by what writes it, and which of that writer's sets it is.
std::map<std::string, size_t> sets_by_name(const Module& module, const Coupling& coupling);

}  // namespace fastc::prune
