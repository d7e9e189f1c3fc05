// Weights that are kept in fewer bits than the f32 they are computed in.
#pragma once

#include "engine/eval.h"

namespace fastc::engine {

// The f32 numbers of such a weight: decoded integers where the node has no integer arithmetic, f16 and bf16 under an f32 result. Undefined where
// the operand is to be used as it is. Decoded once, when the node is prepared; nothing trains it.
Result<at::Tensor> stored_weight(const Site& site, size_t operand);

}  // namespace fastc::engine
