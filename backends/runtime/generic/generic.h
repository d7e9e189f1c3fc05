// The generic kernels: plain C++ for any CPU. They are complete and define the meaning; fast kernels are compared with them.
#pragma once

#include "kernels.h"

namespace fastc::rt {

TiledKernel<ConvF32> generic_conv_f32();
TiledKernel<ConvF32> generic_depthwise_f32();
TiledKernel<ConvS8> generic_conv_s8();
TiledKernel<ConvS8> generic_depthwise_s8();
TiledKernel<MatmulF32> generic_matmul_f32();
TiledKernel<StoredF32> generic_stored_f32();
TiledKernel<SparseF32> generic_sparse_f32();

// A stored weight of oc channels, whose k inputs are (channel, frame of `depth`, tap of `taps`), as f32 panels in the order (tap, frame, channel) of kPanel16.
void decode_panels(const StoredF32& a, int64_t taps, int64_t depth, float* panels);

// groups == input channels == outputs, more than one: weights are packed as kDepthwise16.
inline bool is_depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.c && s.groups == s.oc; }

}  // namespace fastc::rt
