// Weights into the blocked layouts that every kernel reads in place (backends/runtime/format.h).
#pragma once

#include <cstddef>
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

// Σ over what belongs to each output channel of a contiguous s8 weight [O, …].
std::vector<int64_t> channel_sums(const Tensor& weight);

// Weights kept in fewer bits, [O, K] whatever their shape, K in the order of the network (format.h: kPanel16 of s8, f16, bf16, and kNibbles16).
std::vector<std::byte> pack_stored(const Tensor& weight, int64_t groups, bool nibbles);
// Scales [O] or [O, K/group] of such a weight → [panels][K/group][16].
std::vector<float> pack_scales(const Tensor& scales, int64_t groups);
// int4 rows of a table: [V][ceil(D/2)].
std::vector<uint8_t> pack_nibble_rows(const Tensor& table);

// The columns of each panel of [O, K] that are not zero (format.h: kLinearSparse).
struct Blocks {
  std::vector<float> values;    // [blocks][16]
  std::vector<int32_t> inputs;  // [blocks]
  std::vector<int32_t> starts;  // [panels + 1]
};
Blocks pack_blocks(const Tensor& weight);

}  // namespace fastc::lowering
