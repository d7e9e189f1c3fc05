// Lowering of linear layers and 1×1 convolutions whose zeros come in blocks that a kernel skips (format.h: kLinearSparse, kConvSparse).
#pragma once

#include "backends/cpu/lowering.h"

namespace fastc::lowering {

// A weight with blocks of whole panels (16 output channels or a multiple), of which enough are zero for the sparse kernel to win.
bool is_sparse(const Lowering& l, const Node& node);
Status lower_sparse_conv(Lowering& l, const Node& node);
Status lower_sparse_linear(Lowering& l, const Node& node);

}  // namespace fastc::lowering
