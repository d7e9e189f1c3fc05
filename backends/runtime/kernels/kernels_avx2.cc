// The AVX2 table (with FMA). The first candidate that accepts a shape runs.
#include "isa_avx2.h"

namespace fastc::rt {
namespace {

KernelTable make_table() {
  KernelTable t{};
  t.isa = "avx2";
  t.conv_f32[0] = conv_f32_direct_avx2();
  t.conv_f32[1] = conv_f32_depthwise_avx2();
  t.conv_s8[0] = conv_s8_direct_avx2();
  t.conv_s8[1] = conv_s8_depthwise_avx2();
  t.matmul_f32[0] = matmul_f32_avx2();
  t.stored_f32[0] = stored_f32_avx2();
  t.sparse_f32[0] = sparse_f32_avx2();
  t.add_s8 = add_s8_avx2;
  t.quantize = quantize_avx2;
  t.dequantize = dequantize_avx2;
  t.range = range_avx2;
  t.finish_dynamic = finish_dynamic_avx2;
  t.unary_f32 = unary_avx2;
  t.binary_f32 = binary_avx2;
  t.dots_s16_s8 = dots_s16_s8_avx2;
  t.dots_s16_s16 = dots_s16_s16_avx2;
  t.finish_s16 = finish_s16_avx2;
  return t;
}

}  // namespace

const KernelTable* avx2_kernels() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace fastc::rt
