// Where accuracy was lost: every layer's output in the compressed network beside the same layer's in the original, both run from their
// inputs, so that errors add up along the way as they do in use.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace fastc {

struct LayerError {
  std::string node, op;
  double relative = 0;  // ‖result − original‖ / ‖original‖ over all samples; quantized values as the real numbers they stand for
};

inline constexpr int64_t kLayerErrorSamples = 8;

// Both modules as they are lowered (folded and fused), evaluated in the engine. `inputs`: a batch, read sample by sample so that memory
// stays that of one. Nodes are matched by name; those whose output has another shape (pruned), or that one side lacks, are left
// out. In execution order of `result`.
Result<std::vector<LayerError>> layer_errors(const Module& original, const Module& result, std::span<const Tensor> inputs);

}  // namespace fastc
