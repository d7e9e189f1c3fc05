// Lowering of conv, linear and embedding whose weight is kept in fewer bits than the f32 they compute in: int8 and int4 with
// scales, f16, bf16 (format.h: kLinearStored, kConvStored, kEmbeddingStored).
#pragma once

#include "backends/cpu/conv_geometry.h"

namespace fastc::lowering {

bool is_stored(const Lowering& l, const Node& node);        // conv, linear: a float x, and such a weight
bool is_stored_table(const Lowering& l, const Node& node);  // embedding: an integer table
Status lower_stored_conv(Lowering& l, const Node& node);
Status lower_stored_linear(Lowering& l, const Node& node);
Status lower_stored_embedding(Lowering& l, const Node& node);

// rules_conv.cc: geometry and epilogue of a float conv or linear.
Result<ConvGeometry> float_conv_geometry(Lowering& l, const Node& node);
Result<rt::LinearAttrs> float_linear_attributes(Lowering& l, const Node& node);

}  // namespace fastc::lowering
