#include "backends/cpu/pack.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace fastc::lowering {
namespace {

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// `quad` inputs are kept together for each output channel: 1 for f32, 4 for s8.
template <typename T>
std::vector<T> panels(const Tensor& weight, int64_t groups, int64_t quad) {
  const auto& shape = weight.shape();
  const int64_t out = shape[0] / groups, c = shape[1], taps = shape[2] * shape[3], k = c * taps;
  const int64_t k_padded = round_up(k, quad), out_padded = round_up(out, kPanel);
  std::vector<T> packed(static_cast<size_t>(groups * out_padded * k_padded), T{0});
  const T* source = weight.data<T>();
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t o = 0; o < out; ++o) {
      const T* row = source + (g * out + o) * k;  // (c, tap)
      T* panel = packed.data() + (g * out_padded + o / kPanel * kPanel) * k_padded;
      for (int64_t tap = 0; tap < taps; ++tap)
        for (int64_t i = 0; i < c; ++i) {
          const int64_t at = tap * c + i;
          panel[(at / quad * kPanel + o % kPanel) * quad + at % quad] = row[i * taps + tap];
        }
    }
  return packed;
}

template <typename T>
std::vector<T> depthwise(const Tensor& weight) {
  const int64_t c = weight.shape()[0], taps = weight.shape()[2] * weight.shape()[3], stride = round_up(c, kPanel);
  std::vector<T> packed(static_cast<size_t>(taps * stride), T{0});
  for (int64_t i = 0; i < c; ++i)
    for (int64_t tap = 0; tap < taps; ++tap) packed[tap * stride + i] = weight.data<T>()[i * taps + tap];
  return packed;
}

// Each [O/groups][width] matrix as panels [ceil(O/groups/16)][width][16]; `store(to, row, column)` puts a number at element `to`.
template <typename F>
void walk_panels(int64_t rows, int64_t groups, int64_t width, const F& store) {
  const int64_t of_group = rows / groups, padded = round_up(of_group, kPanel);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t o = row % of_group;
    const int64_t panel = (row / of_group * padded + o / kPanel * kPanel) * width;
    for (int64_t i = 0; i < width; ++i) store(panel + i * kPanel + o % kPanel, row, i);
  }
}

// q in [-7, 7] as q + 8 into one half of a byte; both halves start as 8, which is 0.
void set_nibble(uint8_t& byte, bool high, int8_t q) {
  const auto code = static_cast<uint8_t>(q + 8);
  byte = static_cast<uint8_t>(high ? (byte & 0x0f) | code << 4 : (byte & 0xf0) | code);
}
constexpr std::byte kTwoZeros{0x88};

}  // namespace

std::vector<std::byte> pack_stored(const Tensor& weight, int64_t groups, bool nibbles) {
  const Tensor dense = weight.to_contiguous();
  const int64_t rows = dense.shape()[0], k = dense.elements() / rows, panels = groups * round_up(rows / groups, kPanel);
  if (nibbles) {
    std::vector<std::byte> packed(static_cast<size_t>(panels * ((k + 1) / 2)), kTwoZeros);
    // Walked as pairs of inputs, so that the byte's place is that of a panel half as deep.
    walk_panels(rows, groups, (k + 1) / 2, [&](int64_t to, int64_t row, int64_t pair) {
      auto& byte = reinterpret_cast<uint8_t&>(packed[to]);
      for (int64_t i = 2 * pair; i < std::min(k, 2 * pair + 2); ++i) set_nibble(byte, i % 2 != 0, dense.data<int8_t>()[row * k + i]);
    });
    return packed;
  }
  const size_t size = size_of(dense.dtype());
  std::vector<std::byte> packed(static_cast<size_t>(panels * k) * size);
  const auto* from = static_cast<const std::byte*>(dense.raw());
  walk_panels(rows, groups, k, [&](int64_t to, int64_t row, int64_t i) { std::memcpy(&packed[to * size], from + (row * k + i) * size, size); });
  return packed;
}

std::vector<float> pack_scales(const Tensor& scales, int64_t groups) {
  const Tensor dense = scales.to_contiguous();
  const int64_t rows = dense.shape()[0], width = dense.elements() / rows;
  std::vector<float> packed(static_cast<size_t>(groups * round_up(rows / groups, kPanel) * width), 0.0F);
  walk_panels(rows, groups, width, [&](int64_t to, int64_t row, int64_t i) { packed[to] = dense.data<float>()[row * width + i]; });
  return packed;
}

Blocks pack_blocks(const Tensor& weight) {
  const Tensor dense = weight.to_contiguous();
  const int64_t rows = dense.shape()[0], k = dense.elements() / rows;
  Blocks blocks;
  for (int64_t first = 0; first < rows; first += kPanel) {
    blocks.starts.push_back(static_cast<int32_t>(blocks.inputs.size()));
    for (int64_t i = 0; i < k; ++i) {
      float column[kPanel] = {};
      for (int64_t o = first; o < std::min(rows, first + kPanel); ++o) column[o - first] = dense.data<float>()[o * k + i];
      if (std::all_of(column, column + kPanel, [](float w) { return w == 0; })) continue;
      blocks.values.insert(blocks.values.end(), column, column + kPanel);
      blocks.inputs.push_back(static_cast<int32_t>(i));
    }
  }
  blocks.starts.push_back(static_cast<int32_t>(blocks.inputs.size()));
  return blocks;
}

std::vector<uint8_t> pack_nibble_rows(const Tensor& table) {
  const Tensor dense = table.to_contiguous();
  const int64_t rows = dense.shape()[0], width = dense.shape()[1], bytes = (width + 1) / 2;
  std::vector<uint8_t> packed(static_cast<size_t>(rows * bytes), static_cast<uint8_t>(kTwoZeros));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < width; ++i) set_nibble(packed[row * bytes + i / 2], i % 2 != 0, dense.data<int8_t>()[row * width + i]);
  return packed;
}

std::vector<float> pack_panels(const Tensor& weight, int64_t groups) { return panels<float>(weight, groups, 1); }
std::vector<int8_t> pack_panels_s8(const Tensor& weight, int64_t groups) { return panels<int8_t>(weight, groups, kQuad); }
std::vector<int64_t> channel_sums(const Tensor& weight) {
  const int64_t out = weight.shape()[0], k = weight.elements() / out;
  std::vector<int64_t> sums(static_cast<size_t>(out), 0);
  for (int64_t o = 0; o < out; ++o) sums[o] = std::accumulate(weight.data<int8_t>() + o * k, weight.data<int8_t>() + (o + 1) * k, int64_t{0});
  return sums;
}

std::vector<float> pack_depthwise(const Tensor& weight) { return depthwise<float>(weight); }
std::vector<int8_t> pack_depthwise_s8(const Tensor& weight) { return depthwise<int8_t>(weight); }

}  // namespace fastc::lowering
