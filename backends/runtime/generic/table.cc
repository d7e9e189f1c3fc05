#include "generic/generic.h"

namespace fastc::rt {

const KernelTable& generic_kernels() {
  static const KernelTable table = [] {
    KernelTable t{};
    t.isa = "generic";
    t.conv_f32[0] = generic_depthwise_f32();
    t.conv_f32[1] = generic_conv_f32();
    t.conv_s8[0] = generic_depthwise_s8();
    t.conv_s8[1] = generic_conv_s8();
    t.matmul_f32[0] = generic_matmul_f32();
    t.stored_f32[0] = generic_stored_f32();
    t.sparse_f32[0] = generic_sparse_f32();
    return t;
  }();
  return table;
}

}  // namespace fastc::rt
