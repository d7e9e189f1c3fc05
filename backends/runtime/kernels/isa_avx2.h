// The pieces that kernels_avx2.cc puts into its table; each lives in the file named beside it.
#pragma once

#include "../kernels.h"

namespace fastc::rt {

TiledKernel<ConvF32> conv_f32_direct_avx2();     // conv_avx2.cc
TiledKernel<ConvS8> conv_s8_direct_avx2();       // conv_avx2.cc
TiledKernel<ConvF32> conv_f32_depthwise_avx2();  // depthwise_avx2.cc
TiledKernel<ConvS8> conv_s8_depthwise_avx2();    // depthwise_avx2.cc
TiledKernel<MatmulF32> matmul_f32_avx2();        // conv_avx2.cc
TiledKernel<StoredF32> stored_f32_avx2();        // conv_avx2.cc
TiledKernel<SparseF32> sparse_f32_avx2();        // conv_avx2.cc

// elementwise_avx2.cc
void unary_avx2(Activation op, const float* x, float* y, int64_t n, float lo, float hi);
void binary_avx2(Binary op, const float* a, const float* b, float* y, int64_t n);
void range_avx2(const float* x, int64_t n, float* low, float* high);
void finish_dynamic_avx2(float* y, int64_t n, float shift, float scale, const float* sums, const float* weight_scale, const float* bias);
void quantize_avx2(const float* x, uint8_t* y, int64_t n, float inv_scale, int32_t zero_point);
void dequantize_avx2(const uint8_t* x, float* y, int64_t n, float scale, int32_t zero_point);
void add_s8_avx2(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, float ma, int32_t za, float mb, int32_t zb,
                 int32_t zy, int32_t qlo, int32_t qhi);

// fixed16_avx2.cc; sums and results of 16-bit fixed point, as KernelTable says.
void dots_s16_s8_avx2(const int16_t* x, int64_t x_step, int64_t rows, const int8_t* w, int64_t channels, int64_t k, int64_t* sums);
void dots_s16_s16_avx2(const int16_t* x, int64_t x_step, int64_t rows, const int16_t* w, int64_t channels, int64_t k, int64_t* sums);
void finish_s16_avx2(const int64_t* sums, const int32_t* bias, const float* m, const int16_t* residual, float residual_m, int16_t* y, int64_t n, int32_t qlo, int32_t qhi);

}  // namespace fastc::rt
