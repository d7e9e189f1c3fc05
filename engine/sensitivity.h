// Which layers of a quantized program cost the most. No LibTorch in this header.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

struct LayerSensitivity {
  std::string node;   // its name in the float program
  double gain = 0;    // by how much the outputs' squared error falls, relative to all of it, when this layer is not rounded
};

// Evaluates the program as floats that are rounded (engine/fake_quantize.h) and gives back, one layer at a time, the weight that the layer
// has in `reference` (the float program, same names) and what it reads without rounding. Outputs are compared with the reference's on these
// inputs. Most sensitive first; of equals the earlier one.
FASTC_API Result<std::vector<LayerSensitivity>> layer_sensitivities(const Module& quantized, const Module& reference, std::span<const Tensor> inputs);

}  // namespace fastc
