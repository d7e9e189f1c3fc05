// The AVX-512 table (F, BW, VL, DQ; no VNNI). The first candidate that accepts a shape runs.
#include "isa_avx512.h"

namespace fastc::rt {
namespace {

KernelTable make_table() {
  KernelTable t{};
  t.isa = "avx512";
  t.conv_f32[0] = conv_f32_winograd_avx512();
  t.conv_f32[1] = conv_f32_two_four_avx512();
  t.conv_f32[2] = conv_f32_direct_avx512();
  t.conv_f32[3] = conv_f32_depthwise_avx512();
  t.conv_s8[0] = conv_s8_winograd4_avx512();
  t.conv_s8[1] = conv_s8_winograd2_avx512();
  t.conv_s8[2] = conv_s8_direct_avx512();
  t.conv_s8[3] = conv_s8_depthwise_avx512();
  t.matmul_f32[0] = matmul_f32_avx512();
  t.stored_f32[0] = stored_f32_avx512();
  t.sparse_f32[0] = sparse_f32_avx512();
  t.add_s8 = add_s8_avx512;
  t.quantize = quantize_avx512;
  t.dequantize = dequantize_avx512;
  t.range = range_avx512;
  t.finish_dynamic = finish_dynamic_avx512;
  t.unary_f32 = unary_avx512;
  t.binary_f32 = binary_avx512;
  return t;
}

}  // namespace

const KernelTable* avx512_kernels() {
  static const KernelTable table = make_table();
  return &table;
}

}  // namespace fastc::rt
