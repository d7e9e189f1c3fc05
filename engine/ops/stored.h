// Weights that are kept in fewer bits than the f32 they are computed in.
#pragma once

#include "engine/eval.h"

namespace fastc::engine {

// The f32 numbers of such a weight: decoded integers where the node has no integer arithmetic, f16 and bf16 under an f32 result. Undefined where
// the operand is to be used as it is: in training that is f32 already. Decoded once, when the node is prepared.
Result<at::Tensor> stored_weight(const Site& site, size_t operand);

bool is_half(const Weight& weight);  // f16 or bf16
// Is all that is computed with such a weight f32? Layers with an f32 result are, and tables whose rows are cast to it.
bool computed_in_f32(const Module& module, ValueId weight);

}  // namespace fastc::engine
