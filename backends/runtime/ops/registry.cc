#include "ops/make.h"

namespace fastc::rt {

std::unique_ptr<Op> make_op(Kernel kernel) {
  switch (kernel) {
    case Kernel::kConvF32: return make_conv_f32();
    case Kernel::kConvS8: return make_conv_s8();
    case Kernel::kLinearF32: return make_linear_f32();
    case Kernel::kLinearS8: return make_linear_s8();
    case Kernel::kLinearDynamic: return make_linear_dynamic();
    case Kernel::kConvDynamic: return make_conv_dynamic();
    case Kernel::kConvTransposeF32: return make_conv_transpose();
    case Kernel::kMatmulF32: return make_matmul();
    case Kernel::kBatchNorm: return make_batch_norm();
    case Kernel::kLayerNorm: return make_layer_norm();
    case Kernel::kRmsNorm: return make_rms_norm();
    case Kernel::kEmbedding: return make_embedding();
    case Kernel::kAttention: return make_attention();
    case Kernel::kLstm: return make_recurrent(RecurrentCell::kLstm);
    case Kernel::kMaxPool: return make_max_pool();
    case Kernel::kAvgPool: return make_avg_pool();
    case Kernel::kAdaptiveAvgPool: return make_adaptive_avg_pool();
    case Kernel::kReduce: return make_reduce();
    case Kernel::kUnary: return make_unary();
    case Kernel::kBinary: return make_binary();
    case Kernel::kAddS8: return make_add_s8();
    case Kernel::kConcat: return make_concat();
    case Kernel::kTranspose: return make_transpose();
    case Kernel::kReshape: return make_reshape();
    case Kernel::kSlice: return make_slice();
    case Kernel::kPad: return make_pad();
    case Kernel::kExpand: return make_expand();
    case Kernel::kGather: return make_gather();
    case Kernel::kIndexSelect: return make_index_select();
    case Kernel::kWhere: return make_where();
    case Kernel::kCast: return make_cast();
    case Kernel::kIota: return make_iota();
    case Kernel::kSoftmax: return make_softmax();
    case Kernel::kQuantize: return make_quantize();
    case Kernel::kDequantize: return make_dequantize();
    case Kernel::kCumsum: return make_cumsum();
    case Kernel::kArgsort: return make_argsort();
    case Kernel::kResize: return make_resize();
    case Kernel::kGroupNorm: return make_group_norm();
    case Kernel::kGru: return make_recurrent(RecurrentCell::kGru);
    case Kernel::kRnnTanh: return make_recurrent(RecurrentCell::kRnnTanh);
    case Kernel::kRnnRelu: return make_recurrent(RecurrentCell::kRnnRelu);
    case Kernel::kRecurrentF32: return make_recurrent_f32();
    case Kernel::kRecurrentDynamic: return make_recurrent_dynamic();
    case Kernel::kConvS16: return make_conv_s16();
    case Kernel::kLinearS16: return make_linear_s16();
    case Kernel::kAddS16: return make_add_s16();
    case Kernel::kLinearSparse: return make_linear_sparse();
    case Kernel::kConvSparse: return make_conv_sparse();
    case Kernel::kLinearStored: return make_linear_stored();
    case Kernel::kConvStored: return make_conv_stored();
    case Kernel::kEmbeddingStored: return make_embedding_stored();
  }
  return nullptr;
}

}  // namespace fastc::rt
