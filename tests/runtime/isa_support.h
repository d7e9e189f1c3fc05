// For the *_isa_test files: the tables this machine can run, guarded memory, packing, and a naive reference.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backends/runtime/kernels.h"

namespace fastc::rt {
const KernelTable* emulated_vnni_kernels();  // vnni_emulated_avx512.cc; null where it was not compiled for AVX-512
}

namespace isa_test {

using namespace fastc::rt;

// Every table that this build has and this CPU can run.
inline std::vector<const KernelTable*> runnable_tables() {
  std::vector<const KernelTable*> tables;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && avx2_kernels()) tables.push_back(avx2_kernels());
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx512 && avx512_kernels()) tables.push_back(avx512_kernels());
  if (avx512 && emulated_vnni_kernels()) tables.push_back(emulated_vnni_kernels());
  if (avx512 && __builtin_cpu_supports("avx512vnni") && avx512_vnni_kernels()) tables.push_back(avx512_vnni_kernels());
#endif
  return tables;
}

// A 64-byte aligned array between two guards: written() tells whether a guard changed.
template <typename T>
class Guarded {
 public:
  explicit Guarded(size_t count = 0) : count_(count), bytes_(count * sizeof(T) + 3 * kGuard, kPattern) {
    at_ = (reinterpret_cast<uintptr_t>(bytes_.data()) + kGuard + 63) / 64 * 64 - reinterpret_cast<uintptr_t>(bytes_.data());
  }
  T* data() { return reinterpret_cast<T*>(bytes_.data() + at_); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data() + at_); }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  bool intact() const {
    for (size_t i = 0; i < at_; ++i)
      if (bytes_[i] != kPattern) return false;
    for (size_t i = at_ + count_ * sizeof(T); i < bytes_.size(); ++i)
      if (bytes_[i] != kPattern) return false;
    return true;
  }

 private:
  static constexpr size_t kGuard = 256;
  static constexpr uint8_t kPattern = 0xa5;
  size_t count_, at_;
  std::vector<uint8_t> bytes_;
};

inline ConvShape conv_shape(int64_t n, int64_t h, int64_t w, int64_t c, int64_t oc, int64_t k, int64_t stride = 1,
                            int64_t pad = 0, int64_t dilation = 1, int64_t groups = 1) {
  const int64_t reach = (k - 1) * dilation + 1;
  return {n, h, w, c, (h + 2 * pad - reach) / stride + 1, (w + 2 * pad - reach) / stride + 1, oc, k, k, stride, stride,
          pad, pad, dilation, dilation, groups};
}
inline ConvShape linear_shape(int64_t rows, int64_t k, int64_t oc) {
  return {rows, 1, 1, k, 1, 1, oc, 1, 1, 1, 1, 0, 0, 1, 1, 1};
}
inline bool is_depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.c && s.groups == s.oc; }
inline int64_t k_of(const ConvShape& s) { return s.kh * s.kw * (s.c / s.groups); }

inline std::string text(const ConvShape& s) {
  return "n" + std::to_string(s.n) + " " + std::to_string(s.h) + "x" + std::to_string(s.w) + "x" + std::to_string(s.c) + " -> " +
         std::to_string(s.oh) + "x" + std::to_string(s.ow) + "x" + std::to_string(s.oc) + " k" + std::to_string(s.kh) + "x" +
         std::to_string(s.kw) + " s" + std::to_string(s.stride_h) + " p" + std::to_string(s.pad_h) + " d" +
         std::to_string(s.dil_h) + " g" + std::to_string(s.groups);
}

// Weights in the logical order [oc][kh·kw·cg] → the stored packing of format.h. `group` is 1 for f32 and 4 for s8.
template <typename T>
Guarded<T> pack_weights(const ConvShape& s, const std::vector<T>& w, int64_t group) {
  const int64_t k = k_of(s), ocg = s.oc / s.groups;
  if (is_depthwise(s)) {
    const int64_t padded = (s.c + 15) / 16 * 16;
    Guarded<T> out(static_cast<size_t>(k * padded));
    for (size_t i = 0; i < out.size(); ++i) out[i] = T{};
    for (int64_t o = 0; o < s.oc; ++o)
      for (int64_t i = 0; i < k; ++i) out[i * padded + o] = w[o * k + i];
    return out;
  }
  const int64_t panels = (ocg + 15) / 16, k_padded = (k + group - 1) / group * group;
  Guarded<T> out(static_cast<size_t>(s.groups * panels * k_padded * 16));
  for (size_t i = 0; i < out.size(); ++i) out[i] = T{};
  for (int64_t o = 0; o < s.oc; ++o)
    for (int64_t i = 0; i < k; ++i) {
      const int64_t g = o / ocg, local = o % ocg, panel = g * panels + local / 16;
      out[panel * k_padded * 16 + (i / group * 16 + local % 16) * group + i % group] = w[o * k + i];
    }
  return out;
}

// Σ over the window of x·w for one output, in Acc; padding reads `pad`.
template <typename Acc, typename X, typename W>
Acc convolve(const ConvShape& s, const X* x, const W* w, Acc pad, int64_t n, int64_t oy, int64_t ox, int64_t o) {
  const int64_t cg = s.c / s.groups, c0 = o / (s.oc / s.groups) * cg;
  Acc sum{};
  for (int64_t ky = 0; ky < s.kh; ++ky)
    for (int64_t kx = 0; kx < s.kw; ++kx) {
      const int64_t y = oy * s.stride_h - s.pad_h + ky * s.dil_h, z = ox * s.stride_w - s.pad_w + kx * s.dil_w;
      const bool inside = y >= 0 && y < s.h && z >= 0 && z < s.w;
      for (int64_t c = 0; c < cg; ++c)
        sum += (inside ? static_cast<Acc>(x[((n * s.h + y) * s.w + z) * s.c + c0 + c]) : pad) *
               static_cast<Acc>(w[(o * s.kh * s.kw + ky * s.kw + kx) * cg + c]);
    }
  return sum;
}

// Runs a candidate's tiles in pieces of `piece` tiles, from the last piece to the first, with scratch full of rubbish.
template <typename Args>
bool run_in_pieces(const TiledKernel<Args>& kernel, const Args& args, int64_t piece) {
  Guarded<uint8_t> packed(kernel.pack_bytes ? kernel.pack_bytes(args) : 0);
  Guarded<uint8_t> scratch(kernel.scratch ? kernel.scratch(args) : 0);
  std::memset(scratch.data(), 0xff, scratch.size());
  if (kernel.pack) kernel.pack(args, packed.data());
  const int64_t tiles = kernel.tiles(args);
  for (int64_t end = tiles; end > 0; end -= piece)
    kernel.run(args, packed.size() ? packed.data() : nullptr, end > piece ? end - piece : 0, end, scratch.data());
  return packed.intact() && scratch.intact();
}

// The shapes: tails in every dimension, strides, padding, dilation, groups, batches.
inline std::vector<ConvShape> conv_grid() {
  std::vector<ConvShape> shapes;
  for (int64_t c : {1, 3, 4, 7, 8, 16, 24, 33, 64})
    for (int64_t oc : {1, 8, 10, 16, 24, 40, 64}) {
      shapes.push_back(conv_shape(1, 9, 7, c, oc, 3, 1, 1));
      shapes.push_back(conv_shape(2, 6, 5, c, oc, 1));
      shapes.push_back(linear_shape(1, c, oc));
      shapes.push_back(linear_shape(3, c * 5, oc));
    }
  for (int64_t c : {3, 8, 20})
    for (int64_t stride : {1, 2})
      for (int64_t pad : {0, 1, 2})
        for (int64_t dilation : {1, 2})
          for (int64_t k : {1, 2, 3, 5}) shapes.push_back(conv_shape(2, 11, 12, c, 24, k, stride, pad, dilation));
  for (int64_t width = 1; width <= 37; ++width) shapes.push_back(conv_shape(1, 4, width, 8, 40, 3, 1, 1));
  for (int64_t groups : {2, 3, 6}) shapes.push_back(conv_shape(2, 7, 6, groups * 5, groups * 9, 3, 1, 1, 1, groups));
  shapes.push_back(conv_shape(1, 7, 6, 8, 16, 3, 1, 0, 1, 8));   // one input channel a group, two outputs
  shapes.push_back(conv_shape(1, 7, 6, 32, 64, 1, 1, 0, 1, 4));  // grouped, pointwise, read in place
  shapes.push_back(conv_shape(1, 9, 8, 32, 64, 3, 1, 0, 1, 4));
  for (int64_t c : {2, 16, 19, 48})
    for (int64_t stride : {1, 2})
      for (int64_t pad : {0, 1}) shapes.push_back(conv_shape(2, 9, 10, c, c, 3, stride, pad, 1, c));
  shapes.push_back(conv_shape(1, 12, 11, 40, 40, 5, 1, 4, 2, 40));
  shapes.push_back(conv_shape(1, 5, 6, 700, 20, 3, 1, 1));   // K in several chunks
  shapes.push_back(conv_shape(1, 3, 3, 2100, 70, 1));
  shapes.push_back(conv_shape(1, 40, 70, 64, 32, 3, 1, 1));  // several segments of rows
  shapes.push_back(conv_shape(2, 18, 22, 16, 136, 3, 1, 1)); // several chunks of output channels
  shapes.push_back(conv_shape(1, 9, 9, 256, 72, 3, 1, 1));   // Winograd's sums need looking at the weights
  shapes.push_back(conv_shape(2, 13, 10, 32, 24, 3, 1, 2));
  shapes.push_back(conv_shape(1, 10, 15, 24, 8, 3));
  shapes.push_back(conv_shape(1, 1, 30, 6, 9, 3, 1, 1));     // kernel higher than the image
  shapes.push_back({1, 1, 50, 12, 1, 48, 20, 1, 3, 1, 1, 0, 0, 1, 1, 1});   // 1-D
  shapes.push_back({2, 6, 9, 12, 3, 4, 20, 3, 2, 2, 2, 1, 0, 1, 1, 1});     // uneven kernel, padding at the begin only
  return shapes;
}

}  // namespace isa_test
