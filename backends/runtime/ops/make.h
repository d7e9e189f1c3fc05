// One function an op class, gathered by registry.cc.
#pragma once

#include <memory>

#include "op.h"

namespace fastc::rt {

std::unique_ptr<Op> make_conv_f32();
std::unique_ptr<Op> make_conv_s8();
std::unique_ptr<Op> make_linear_f32();
std::unique_ptr<Op> make_linear_s8();
std::unique_ptr<Op> make_conv_sparse();
std::unique_ptr<Op> make_linear_sparse();
std::unique_ptr<Op> make_conv_stored();
std::unique_ptr<Op> make_linear_stored();
std::unique_ptr<Op> make_embedding_stored();
std::unique_ptr<Op> make_linear_dynamic();
std::unique_ptr<Op> make_conv_dynamic();
std::unique_ptr<Op> make_conv_transpose();
std::unique_ptr<Op> make_matmul();
std::unique_ptr<Op> make_attention();
std::unique_ptr<Op> make_batch_norm();
std::unique_ptr<Op> make_layer_norm();
std::unique_ptr<Op> make_rms_norm();
std::unique_ptr<Op> make_group_norm();
std::unique_ptr<Op> make_softmax();
std::unique_ptr<Op> make_recurrent(RecurrentCell cell);
std::unique_ptr<Op> make_recurrent_f32();
std::unique_ptr<Op> make_recurrent_dynamic();
std::unique_ptr<Op> make_max_pool();
std::unique_ptr<Op> make_avg_pool();
std::unique_ptr<Op> make_adaptive_avg_pool();
std::unique_ptr<Op> make_resize();
std::unique_ptr<Op> make_reduce();
std::unique_ptr<Op> make_unary();
std::unique_ptr<Op> make_binary();
std::unique_ptr<Op> make_add_s8();
std::unique_ptr<Op> make_conv_s16();
std::unique_ptr<Op> make_linear_s16();
std::unique_ptr<Op> make_add_s16();
std::unique_ptr<Op> make_quantize();
std::unique_ptr<Op> make_dequantize();
std::unique_ptr<Op> make_cast();
std::unique_ptr<Op> make_where();
std::unique_ptr<Op> make_concat();
std::unique_ptr<Op> make_transpose();
std::unique_ptr<Op> make_reshape();
std::unique_ptr<Op> make_slice();
std::unique_ptr<Op> make_pad();
std::unique_ptr<Op> make_expand();
std::unique_ptr<Op> make_embedding();
std::unique_ptr<Op> make_gather();
std::unique_ptr<Op> make_index_select();
std::unique_ptr<Op> make_iota();
std::unique_ptr<Op> make_cumsum();
std::unique_ptr<Op> make_argsort();

}  // namespace fastc::rt
