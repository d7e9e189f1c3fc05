// The pieces that kernels_avx512.cc puts into its table; each lives in the file named beside it.
#pragma once

#include "../kernels.h"

namespace fastc::rt {

TiledKernel<ConvF32> conv_f32_direct_avx512();      // conv_f32_avx512.cc
TiledKernel<ConvF32> conv_f32_winograd_avx512();    // winograd_f32_avx512.cc: F(2×2, 3×3)
TiledKernel<ConvF32> conv_f32_two_four_avx512();    // two_four_avx512.cc
TiledKernel<ConvF32> conv_f32_depthwise_avx512();   // depthwise_avx512.cc
TiledKernel<ConvS8> conv_s8_direct_avx512();        // conv_s8_avx512.cc
TiledKernel<ConvS8> conv_s8_depthwise_avx512();     // depthwise_avx512.cc
TiledKernel<ConvS8> conv_s8_winograd4_avx512();     // winograd_s8_avx512.cc: F(4×4, 3×3)
TiledKernel<ConvS8> conv_s8_winograd2_avx512();     // winograd_s8_avx512.cc: F(2×2, 3×3)
TiledKernel<ConvS8> conv_s8_winograd4_avx512_vnni();  // winograd_s8_avx512_vnni.cc
TiledKernel<MatmulF32> matmul_f32_avx512();         // conv_f32_avx512.cc
TiledKernel<StoredF32> stored_f32_avx512();         // conv_f32_avx512.cc
TiledKernel<SparseF32> sparse_f32_avx512();         // conv_f32_avx512.cc

// elementwise_avx512.cc; n elements each, as KernelTable says.
void unary_avx512(Activation op, const float* x, float* y, int64_t n, float lo, float hi);
void binary_avx512(Binary op, const float* a, const float* b, float* y, int64_t n);
void range_avx512(const float* x, int64_t n, float* low, float* high);
void finish_dynamic_avx512(float* y, int64_t n, float shift, float scale, const float* sums, const float* weight_scale, const float* bias);
void quantize_avx512(const float* x, uint8_t* y, int64_t n, float inv_scale, int32_t zero_point);
void dequantize_avx512(const uint8_t* x, float* y, int64_t n, float scale, int32_t zero_point);
void add_s8_avx512(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, float ma, int32_t za, float mb, int32_t zb,
                   int32_t zy, int32_t qlo, int32_t qhi);

}  // namespace fastc::rt
