// Times every candidate of one instruction set's table on the shapes of real networks: µs and GMAC/s per shape, one thread, all
// candidates of a shape interleaved so that they see the same machine. `bench_kernels [ISA] [SHAPE] [BUDGET_MS] [KERNEL]`: SHAPE and
// KERNEL are parts of names. `bench_kernels ISA weights` times weights in fewer bits and with blocks of zeros instead.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "backends/runtime/kernels.h"
#include "weights.h"

using namespace fastc::rt;

namespace {

struct Case {
  const char* name;
  ConvShape s;
};

ConvShape square(int64_t c, int64_t oc, int64_t hw, int64_t k, int64_t stride, int64_t pad, int64_t groups = 1) {
  const int64_t out = (hw + 2 * pad - k) / stride + 1;
  return {1, hw, hw, c, out, out, oc, k, k, stride, stride, pad, pad, 1, 1, groups};
}

std::vector<Case> cases() {
  return {
      {"cifar 3→16 32²", square(3, 16, 32, 3, 1, 1)},     {"cifar 16→16 32²", square(16, 16, 32, 3, 1, 1)},
      {"cifar 16→32 32² /2", square(16, 32, 32, 3, 2, 1)}, {"cifar 32→32 16²", square(32, 32, 16, 3, 1, 1)},
      {"cifar 32→64 16² /2", square(32, 64, 16, 3, 2, 1)}, {"cifar 64→64 8²", square(64, 64, 8, 3, 1, 1)},
      {"pruned 16→8 32²", square(16, 8, 32, 3, 1, 1)},     {"pruned 8→16 32²", square(8, 16, 32, 3, 1, 1)},
      {"pruned 32→16 16²", square(32, 16, 16, 3, 1, 1)},   {"pruned 16→32 16²", square(16, 32, 16, 3, 1, 1)},
      {"pruned 32→24 16²", square(32, 24, 16, 3, 1, 1)},   {"pruned 24→32 16²", square(24, 32, 16, 3, 1, 1)},
      {"pruned 64→32 8²", square(64, 32, 8, 3, 1, 1)},     {"pruned 32→64 8²", square(32, 64, 8, 3, 1, 1)},
      {"resnet18 3→64 224² 7×7", square(3, 64, 224, 7, 2, 3)}, {"resnet18 64→64 56²", square(64, 64, 56, 3, 1, 1)},
      {"resnet18 64→128 56² /2", square(64, 128, 56, 3, 2, 1)}, {"resnet18 64→128 56² 1×1 /2", square(64, 128, 56, 1, 2, 0)},
      {"resnet18 128→128 28²", square(128, 128, 28, 3, 1, 1)}, {"resnet18 256→256 14²", square(256, 256, 14, 3, 1, 1)},
      {"resnet18 512→512 7²", square(512, 512, 7, 3, 1, 1)},   {"resnet50 64→256 56² 1×1", square(64, 256, 56, 1, 1, 0)},
      {"resnet50 1024→256 14² 1×1", square(1024, 256, 14, 1, 1, 0)}, {"linear 512→1000", square(512, 1000, 1, 1, 1, 0)},
      {"linear 768→3072 ×128", {128, 1, 1, 768, 1, 1, 3072, 1, 1, 1, 1, 0, 0, 1, 1, 1}},
      {"depthwise 96 56²", square(96, 96, 56, 3, 1, 1, 96)},   {"grouped 128/32 28²", square(128, 128, 28, 3, 1, 1, 32)},
  };
}

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// GMAC/s of independent fp32 multiply-adds on registers, for a few µs: what this core gives right now, whoever else is on it. The
// widest registers of the instruction set; 0 on other machines.
double peak_gmacs([[maybe_unused]] bool wide) {
#if defined(__x86_64__)
  int64_t n = 400;
  const double t = now_us();
  if (wide) {
    __asm__ volatile("vzeroall\n1:\n.irp r,0,1,2,3,4,5,6,7,8,9,10,11\nvfmadd231ps %%zmm14,%%zmm15,%%zmm\\r\n.endr\ndec %0\njnz 1b\nvzeroupper"
                     : "+r"(n)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm14", "xmm15");
  } else {
    __asm__ volatile("vzeroall\n1:\n.irp r,0,1,2,3,4,5,6,7,8,9,10,11\nvfmadd231ps %%ymm14,%%ymm15,%%ymm\\r\n.endr\ndec %0\njnz 1b\nvzeroupper"
                     : "+r"(n)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm14", "xmm15");
  }
  return 400 * 12 * (wide ? 16 : 8) / (now_us() - t) / 1e3;
#else
  return 0;
#endif
}

template <typename T>
T* aligned(std::vector<char>& storage, size_t count) {
  storage.assign(count * sizeof(T) + 128, 0);
  return reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(storage.data()) + 63) & ~uintptr_t{63});
}

template <typename Args>
struct Candidate {
  const TiledKernel<Args>* kernel;
  std::vector<char> packed, scratch;
  void* packed_at;
  void* scratch_at;
  std::vector<double> us, share;  // time of each round; its rate over the peak measured beside it
};

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

// Medians of short interleaved rounds.
template <typename Args>
void time_candidates(const char* name, const Args& a, const TiledKernel<Args>* table, double budget_us, bool wide,
                     const std::string& only) {
  std::vector<Candidate<Args>> all;
  for (int i = 0; i < kMaxCandidates && table[i].run; ++i) {
    if (std::string(table[i].name).find(only) == std::string::npos) continue;
    if (table[i].accepts && !table[i].accepts(a)) continue;
    Candidate<Args> c{&table[i], {}, {}, nullptr, nullptr, {}, {}};
    c.packed_at = aligned<char>(c.packed, table[i].pack_bytes ? table[i].pack_bytes(a) : 0);
    if (table[i].pack) table[i].pack(a, c.packed_at);
    c.scratch_at = aligned<char>(c.scratch, table[i].scratch(a));
    all.push_back(std::move(c));
  }
  const ConvShape& s = a.s;
  const double macs = double(s.n) * s.oh * s.ow * s.oc * s.kh * s.kw * (s.c / s.groups);
  const double end = now_us() + budget_us * static_cast<double>(all.size());
  for (int round = 0; round < 5 || now_us() < end; ++round)
    for (auto& c : all) {
      const double before = peak_gmacs(wide), t = now_us();
      c.kernel->run(a, c.packed_at, 0, c.kernel->tiles(a), c.scratch_at);
      c.us.push_back(now_us() - t);
      c.share.push_back(macs / c.us.back() / 1e3 / ((before + peak_gmacs(wide)) / 2));
    }
  for (auto& c : all) {
    const double us = median(c.us);
    std::printf("%-28s %-24s %9.2f µs (min %9.2f) %7.1f GMAC/s  %5.1f %% of the fp32 peak\n", name, c.kernel->name, us,
                *std::min_element(c.us.begin(), c.us.end()), macs / us / 1e3, 100 * median(c.share));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string isa = argc > 1 ? argv[1] : "avx512", filter = argc > 2 ? argv[2] : "", only = argc > 4 ? argv[4] : "";
  const double budget = argc > 3 ? std::atof(argv[3]) * 1000 : 20000;
  const KernelTable* table = isa == "avx2" ? avx2_kernels() : isa == "avx512_vnni" ? avx512_vnni_kernels() : avx512_kernels();
  if (!table) return std::printf("this build has no %s kernels\n", isa.c_str()), 1;
  if (filter == "weights") return bench_weights(*table, budget), 0;
  for (const Case& c : cases()) {
    if (std::string(c.name).find(filter) == std::string::npos) continue;
    const ConvShape& s = c.s;
    const bool depthwise = s.groups == s.c && s.groups == s.oc && s.groups > 1;
    const size_t k = s.kh * s.kw * (s.c / s.groups), panel_rows = depthwise ? (s.c + 15) / 16 : s.groups * ((s.oc / s.groups + 15) / 16);
    const size_t nx = s.n * s.h * s.w * s.c, ny = s.n * s.oh * s.ow * s.oc, nw = panel_rows * 16 * ((k + 3) / 4 * 4);
    std::vector<char> m0, m1, m2, m3, m4, m5, m6;
    ConvF32 f{s, aligned<float>(m0, nx), aligned<float>(m1, nw), aligned<float>(m2, s.oc), nullptr, aligned<float>(m3, ny), Activation::kRelu, 0, 0};
    for (size_t i = 0; i < nx; ++i) const_cast<float*>(f.x)[i] = float(i % 17) * 0.1f - 0.5f;
    for (size_t i = 0; i < nw; ++i) const_cast<float*>(f.w)[i] = float(i % 13) * 0.1f - 0.6f;
    time_candidates(c.name, f, table->conv_f32, budget, isa != "avx2", only);
    ConvS8 q{};
    q.s = s, q.x = aligned<uint8_t>(m4, nx), q.w = aligned<int8_t>(m5, nw), q.bias = aligned<int32_t>(m6, s.oc);
    std::vector<char> m7, m8;
    q.m = aligned<float>(m7, s.oc), q.y = aligned<uint8_t>(m8, ny), q.qhi = 255, q.x_zero_point = 3;
    for (size_t i = 0; i < nx; ++i) const_cast<uint8_t*>(q.x)[i] = static_cast<uint8_t>(i * 7);
    for (size_t i = 0; i < nw; ++i) const_cast<int8_t*>(q.w)[i] = static_cast<int8_t>(int(i * 5 % 255) - 127);
    for (int64_t i = 0; i < s.oc; ++i) const_cast<float*>(q.m)[i] = 1e-4f;
    time_candidates(c.name, q, table->conv_s8, budget, isa != "avx2", only);
  }
  return 0;
}
