// "max_drop" on a quantizing stage: which layers must keep a higher precision so that the task's metric holds.
#pragma once

#include <functional>

#include "driver/recipe/recipe.h"
#include "passes/pass.h"

namespace fastc {

// The task's primary metric of a module, as its artifact gives it. Higher is better.
using Score = std::function<Result<double>(const Module&)>;

// Runs the stage's pass on `module`. Where the metric then falls by more than stage.max_drop, layers are given back their precision, the most
// sensitive first (engine/sensitivity.h, measured once on calibration data); how many is found by bisection with the metric itself. With L layers
// that is at most log2(L) + 2 runs of pass and evaluation, whatever happens. What they keep: 8 bits ("int8") where the stage asks for fewer, else floats
// ("exclude"). Leaves the fewest layers that hold, or, where none does, the best that was seen, and says by how much it missed.
Result<PassReport> quantize_within_drop(const Stage& stage, Module& module, const Score& score, PassContext& context);

// May the stage carry "max_drop"? It needs a quantizing pass that can leave layers out.
bool can_hold_drop(const Pass& pass);

}  // namespace fastc
