// A float program and what quantize.static made of it, computed side by side on calibration data, layer by layer: what
// passes need that repair a layer before the next one is looked at.
#pragma once

#include <functional>

#include "base/progress.h"
#include "ir/module.h"
#include "tasks/task.h"

namespace fastc::quantize {

// A conv or linear as a matrix product, y = W·x for each position: x is a patch of its input (K numbers a group), y what
// the float layer makes of its own float input, before bias, residual and activation. x̃ is the patch in the quantized
// program, where every layer before this one is as it will stay. Means are over samples and positions.
struct LayerSeen {
  NodeId node = kNoId;       // in the quantized program
  NodeId reference = kNoId;  // in the float one
  Tensor products;           // f32 [groups, K, K]:        mean of x̃·x̃ᵀ; undefined where it was not asked for
  Tensor cross;              // f32 [groups, K, O/groups]: mean of x̃·yᵀ; likewise
  Tensor mean_input;         // f32 [groups, K]:           mean of x̃
  Tensor mean_output;        // f32 [O]:                   mean of y
  double energy = 0;         // mean of |y|²
};

// Called before the layer is computed; may change its weights in `quantized`, but no scale, shape or graph.
using VisitLayer = std::function<Status(Module& quantized, const LayerSeen& layer)>;

struct WalkOptions {
  int64_t samples = 512;         // the first ones, in one go: memory is that of both programs' live values on all of them
  int64_t most_products = 0;     // products and cross are made for layers of at most so many inputs K (8 K² bytes a group)
};

// A layer is found in the float program by its name; kStage where it is not there or has other sizes.
Status walk_layers(const Module& reference, Module& quantized, const Dataset& data, const WalkOptions& options,
                   const VisitLayer& visit, Progress& progress);

// Sets the layer's bias to the float layer's plus E[y] − Ŵ·E[x̃], channel by channel, so that both results have one mean, up
// to half a unit of the integer bias; gives it a bias where it has none. Returns the mean magnitude of what was added.
Result<double> correct_bias(const Module& reference, Module& quantized, const LayerSeen& layer);

}  // namespace fastc::quantize
