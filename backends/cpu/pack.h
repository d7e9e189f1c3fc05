// Weights into the blocked layouts that every kernel reads in place (backends/runtime/format.h).
#pragma once

#include <cstdint>
#include <vector>

#include "ir/tensor.h"

namespace fastc::lowering {

inline constexpr int64_t kPanel = 16;  // output channels a panel
inline constexpr int64_t kQuad = 4;    // inputs an int8 dot product takes

// weight: contiguous [O, C/groups, kh, kw]; f32 → [ceil(O/16)][K][16] a group, K = (kh, kw, c).
std::vector<float> pack_panels(const Tensor& weight, int64_t groups);
// s8 → [ceil(O/16)][ceil(K/4)][16][4] a group.
std::vector<int8_t> pack_panels_s8(const Tensor& weight, int64_t groups);
// [C, 1, kh, kw] → [kh*kw][ceil(C/16)*16].
std::vector<float> pack_depthwise(const Tensor& weight);
std::vector<int8_t> pack_depthwise_s8(const Tensor& weight);

}  // namespace fastc::lowering
