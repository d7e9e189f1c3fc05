// The kernels' contract. One table of functions an instruction set; the generic table is complete and defines the meaning,
// the others fill in what they do faster, and are compared with it (integers bit for bit, f32 to 1e-5 of the largest output).
//
// A kernel may not allocate, throw, log, read the environment, or keep state. It computes the tiles [begin, end) of its
// output; tiles are independent, so the thread pool may hand them out in any order. `scratch` is this thread's own memory of
// the size the kernel asked for when the session was opened. Pointers are 64-byte aligned where they begin a tensor, and nothing
// may be read or written outside a tensor (tail lanes are masked).
#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"

namespace fastc::rt {

// Channels-last convolution over [n][h][w][c]. Linear is the case h = w = kh = kw = 1 with n·rows as n.
struct ConvShape {
  int64_t n, h, w, c;      // input
  int64_t oh, ow, oc;      // output
  int64_t kh, kw, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups;  // pad: begin only; the end follows from oh, ow
};

struct ConvF32 {
  ConvShape s;
  const float* x;
  const float* w;         // Packing::kPanel16 or kDepthwise16
  const float* bias;      // [oc] or null
  const float* residual;  // like y, or null
  float* y;
  Activation activation;
  float lo, hi;
  bool two_four = false;  // of each four inputs a channel reads at most two: Coding::kTwoFour
};

struct ConvS8 {
  ConvShape s;
  const uint8_t* x;
  const int8_t* w;          // Packing::kPanel16x4 or kDepthwise16
  const int32_t* bias;      // [oc]; the compiler has already added −zx·Σw, so acc = bias + Σ qx·qw
  const float* m;           // [oc]
  const uint8_t* residual;  // like y, or null
  void* y;                  // u8, or f32 when y_f32: float(acc)·m, then the residual is absent and lo/hi clamp
  bool y_f32;
  int32_t x_zero_point;     // what padding reads
  int32_t y_zero_point, qlo, qhi;
  float residual_m;
  int32_t residual_zero_point;
  Activation activation;    // for y_f32 only
  float lo, hi;
};

// y[rows, oc] = act(Σ_k x[rows, k] · real(w[oc, k]) + bias + residual): a weight kept in fewer bits, decoded while it is used (format.h).
enum class StoredForm : uint8_t { kS8, kS4, kF16, kBF16 };
struct StoredF32 {
  int64_t rows, k, oc;
  const float* x;
  const void* w;          // Packing::kPanel16 or, for kS4, kNibbles16
  const float* scales;    // [panels][ceil(k/group)][16]; null for half floats
  int64_t group;          // inputs a scale covers: even, or k
  const float* bias;      // [oc] or null
  const float* residual;  // like y, or null
  float* y;
  StoredForm form;
  Activation activation;
  float lo, hi;
};

// y[rows, oc] = act(x · w + bias + residual) for a w of which only some blocks of 16 output channels by one input are not zero (format.h).
struct SparseF32 {
  int64_t rows, k, oc;
  const float* x;
  const float* values;    // [blocks][16]
  const int32_t* inputs;  // [blocks], each in [0, k)
  const int32_t* starts;  // [panels + 1], rising from 0 to the number of blocks
  const float* bias;      // [oc] or null
  const float* residual;  // like y, or null
  float* y;
  Activation activation;
  float lo, hi;
};

struct MatmulF32 {
  int64_t batch, m, n, k;
  const float *a, *b;
  float* y;
  int64_t a_batch_stride, b_batch_stride;  // in elements; 0 where broadcast
  bool transpose_a, transpose_b;
};

// tiles(): how many independent tiles; scratch(): bytes a thread needs. `pack`, where not null, is run once when a session opens, to turn
// the stored panels into what the kernel wants besides them (e.g. widened or Winograd-transformed weights); pack_bytes(): how much.
template <typename Args>
struct TiledKernel {
  bool (*accepts)(const Args&) = nullptr;  // null: every case
  int64_t (*tiles)(const Args&) = nullptr;
  size_t (*scratch)(const Args&) = nullptr;
  size_t (*pack_bytes)(const Args&) = nullptr;
  void (*pack)(const Args&, void* packed) = nullptr;
  void (*run)(const Args&, const void* packed, int64_t begin, int64_t end, void* scratch) = nullptr;
  const char* name = "";
};

inline constexpr int kMaxCandidates = 6;
inline constexpr int64_t kDotsRows = 4, kDotsLanes = 32;

// The first candidate whose accepts() says yes runs; an instruction set's table falls back to the next lower one, at last to generic.
struct KernelTable {
  const char* isa;
  TiledKernel<ConvF32> conv_f32[kMaxCandidates];
  TiledKernel<ConvS8> conv_s8[kMaxCandidates];
  TiledKernel<MatmulF32> matmul_f32[kMaxCandidates];
  TiledKernel<StoredF32> stored_f32[kMaxCandidates];
  TiledKernel<SparseF32> sparse_f32[kMaxCandidates];
  // Elementwise rows; null: the generic loop. n elements.
  void (*add_s8)(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, float ma, int32_t za, float mb, int32_t zb, int32_t zy, int32_t qlo, int32_t qhi);
  void (*quantize)(const float* x, uint8_t* y, int64_t n, float inv_scale, int32_t zero_point);
  void (*dequantize)(const uint8_t* x, float* y, int64_t n, float scale, int32_t zero_point);
  // Activations quantized at run time (ops/dynamic_range.h). The least and the largest of x and 0, past NaN:
  void (*range)(const float* x, int64_t n, float* low, float* high);
  // y = (y − shift·sums)·(scale·weight_scale) + bias, rounded after each operation; bias may be null
  void (*finish_dynamic)(float* y, int64_t n, float shift, float scale, const float* sums, const float* weight_scale, const float* bias);
  void (*unary_f32)(Activation op, const float* x, float* y, int64_t n, float lo, float hi);
  void (*binary_f32)(Binary op, const float* a, const float* b, float* y, int64_t n);
  // 16-bit fixed point: sums[r·channels + o] = Σ_i x[r·x_step + i]·w[o·k + i], r < rows ≤ kDotsRows, i < k, exact, of numbers in ±32767 and weights in ±127
  // or ±32767. x_step is a multiple of kDotsLanes, and x is 0 between k and it; channels is a multiple of 4. x and sums have room for kDotsRows rows, of which
  // more may be met than asked for.
  void (*dots_s16_s8)(const int16_t* x, int64_t x_step, int64_t rows, const int8_t* w, int64_t channels, int64_t k, int64_t* sums);
  void (*dots_s16_s16)(const int16_t* x, int64_t x_step, int64_t rows, const int16_t* w, int64_t channels, int64_t k, int64_t* sums);
  // y = clamp(rne(float(sum + bias)·m [+ float(residual)·residual_m])); residual may be null; |sum + bias| < 2⁵¹; n is a multiple of 8
  void (*finish_s16)(const int64_t* sums, const int32_t* bias, const float* m, const int16_t* residual, float residual_m, int16_t* y, int64_t n, int32_t qlo, int32_t qhi);
};

const KernelTable& generic_kernels();
const KernelTable* avx2_kernels();         // null when this build has no such code
const KernelTable* avx512_kernels();
const KernelTable* avx512_vnni_kernels();
const KernelTable* amx_kernels();
const KernelTable* neon_kernels();

}  // namespace fastc::rt
