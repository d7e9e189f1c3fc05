// The generic kernels: plain C++ for any CPU. They are complete and define the meaning; fast kernels are compared with them.
#pragma once

#include "kernels.h"

namespace fastc::rt {

TiledKernel<ConvF32> generic_conv_f32();
TiledKernel<ConvF32> generic_depthwise_f32();
TiledKernel<ConvS8> generic_conv_s8();
TiledKernel<ConvS8> generic_depthwise_s8();
TiledKernel<MatmulF32> generic_matmul_f32();

// groups == input channels == outputs, more than one: weights are packed as kDepthwise16.
inline bool is_depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.c && s.groups == s.oc; }

}  // namespace fastc::rt
