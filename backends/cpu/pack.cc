#include "backends/cpu/pack.h"

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

}  // namespace

std::vector<float> pack_panels(const Tensor& weight, int64_t groups) { return panels<float>(weight, groups, 1); }
std::vector<int8_t> pack_panels_s8(const Tensor& weight, int64_t groups) { return panels<int8_t>(weight, groups, kQuad); }
std::vector<float> pack_depthwise(const Tensor& weight) { return depthwise<float>(weight); }
std::vector<int8_t> pack_depthwise_s8(const Tensor& weight) { return depthwise<int8_t>(weight); }

}  // namespace fastc::lowering
