// How much a residual block (or several that go together) is worth.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "passes/prune/blocks.h"
#include "tasks/task.h"

namespace fastc::prune {

struct BlockRequest {
  const Module& module;
  std::span<const Unit> units;
  std::span<const Batch> batches;
  uint64_t seed = 0;
  Progress& progress = silent_progress();
};

struct BlockImportance {
  std::string_view name;
  std::string_view summary;
  std::string_view says;  // how a note reads: "alone it {} …", with the number
  Result<std::vector<double>> (*measure)(const BlockRequest& request);
};
std::span<const BlockImportance> block_importances();

// Drops the unit's blocks; how many of them were still there (one may have gone with a block around it).
Result<int64_t> drop_unit(Module& module, const Unit& unit);

// Mean over batches of Σ g·(y − x) squared, with y the result of the unit and x what remains without it (Molchanov et al. 2019, eq. 8, of a whole
// block): the first-order change of the loss when it becomes the identity. In a file of its own, since it needs LibTorch.
Result<std::vector<double>> block_taylor(const BlockRequest& request);

}  // namespace fastc::prune
