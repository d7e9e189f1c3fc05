// Weights from which training starts over.
#pragma once

#include <cstdint>

#include "ir/module.h"

namespace fastc {

// Random weights in place of the trained ones, the same for the same seed. Convolutions, linear maps and matrix products: normal, variance 2 / inputs of an
// output (He et al., "Delving deep into rectifiers", 2015, equation 10); recurrent weights and embeddings: variance 1 / inputs; norms as they were
// born (scale 1, shift 0, running mean 0 and variance 1); biases 0; what is added elsewhere (positions): deviation 0.02. Buffers and other weights stay.
void initialize_randomly(Module& module, uint64_t seed);

}  // namespace fastc
