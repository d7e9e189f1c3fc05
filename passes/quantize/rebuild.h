// The integer program of a plan: the same nodes under the same names, with quantize and dequantize where floats and u8
// meet.
#pragma once

#include <map>

#include "ir/module.h"
#include "passes/quantize/observers.h"
#include "passes/quantize/plan.h"

namespace fastc::quantize {

// `ranges` holds parameters for every value of plan.ranges, `weights` those of every conv and linear of plan.integer.
// Inputs and outputs keep names, order and types.
Result<Module> rebuild(const Module& module, const Plan& plan, const std::map<ValueId, Quant>& ranges,
                       const std::map<NodeId, WeightOptions>& weights);

}  // namespace fastc::quantize
