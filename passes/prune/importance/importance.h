// How much a channel is worth: one number for each group of a coupling (ir/coupling.h). One file an importance, which registers it here;
// nothing else lists them:
//
//   Result<Worth> l1(const Request& request) { … }
//   const RegisterImportance registered{{.name = "l1", .summary = "…", .measure = l1}};
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "ir/coupling.h"
#include "passes/prune/plan.h"
#include "tasks/task.h"

namespace fastc::prune {

struct Request {
  const Module& module;
  const Coupling& coupling;
  std::vector<size_t> sets;       // which to rank (into coupling.sets); the others get 0
  const Dataset* data = nullptr;  // never null where the importance says that it needs data
  int64_t samples = 512, batch_size = 32, permutations = 4;
  uint64_t seed = 0;
  Progress& progress = silent_progress();
};

struct Worth {
  std::vector<double> values;  // by group, finite
  std::vector<double> errors;  // standard errors, where the values were estimated by sampling; else empty
};

struct Importance {
  std::string_view name;
  std::string_view summary;  // what is summed, and whose idea it is
  bool needs_data = false;
  // How layers compare in one global ranking, where the recipe does not say. Sizes of weights and activations are no measure of what a layer can
  // spare, and dividing them by the layer's mean does worse than taking the same share of each (docs/methods.md).
  Normalize normalize = Normalize::kRank;
  Result<Worth> (*measure)(const Request& request) = nullptr;
};

const Importance* find_importance(std::string_view name);  // null when unknown
std::vector<const Importance*> all_importances();          // sorted by name
struct RegisterImportance { explicit RegisterImportance(const Importance& importance); };

}  // namespace fastc::prune
