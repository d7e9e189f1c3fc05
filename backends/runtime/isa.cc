#include "isa.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fastc::rt {

// Instruction sets without a source file in this build.
#if !defined(__x86_64__)
const KernelTable* avx2_kernels() { return nullptr; }
#endif
#if !defined(__x86_64__)
const KernelTable* avx512_kernels() { return nullptr; }
#endif
#if !defined(__x86_64__)
const KernelTable* avx512_vnni_kernels() { return nullptr; }
#endif
#if !defined(__x86_64__) || !__has_include("kernels/kernels_amx.cc")
const KernelTable* amx_kernels() { return nullptr; }
#endif
#if !defined(__aarch64__) || !__has_include("kernels/kernels_neon.cc")
const KernelTable* neon_kernels() { return nullptr; }
#endif

namespace {

// Instruction sets this CPU and its operating system (which must save the wide registers) have.
struct Cpu {
  bool avx2 = false, avx512 = false, avx512_vnni = false, amx = false, neon = false;
};

#if defined(__x86_64__)
uint64_t saved_registers() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

Cpu detect() {
  Cpu cpu;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return cpu;
  const bool xsave = c & (1u << 27), fma = c & (1u << 12), f16c = c & (1u << 29);
  if (!xsave || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
  const uint64_t saved = saved_registers();
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6, tiles = (saved & 0x60000) == 0x60000;
  const auto bit = [](unsigned word, int n) { return ((word >> n) & 1u) != 0; };
  cpu.avx2 = ymm && fma && f16c && bit(b, 5);
  cpu.avx512 = cpu.avx2 && zmm && bit(b, 16) && bit(b, 17) && bit(b, 30) && bit(b, 31);  // F, DQ, BW, VL
  cpu.avx512_vnni = cpu.avx512 && bit(c, 11);
  cpu.amx = cpu.avx512_vnni && tiles && bit(d, 24) && bit(d, 25);  // tile, int8
  return cpu;
}
#else
Cpu detect() {
  Cpu cpu;
#if defined(__aarch64__)
  cpu.neon = true;
#endif
  return cpu;
}
#endif

struct Choice {
  const char* name;
  bool Cpu::*present;                   // null: always
  const KernelTable* (*kernels)();      // null: generic
};

// Best first; a chain is a choice and everything below it on the same kind of CPU.
constexpr Choice kChoices[] = {
    {"amx", &Cpu::amx, amx_kernels},          {"avx512_vnni", &Cpu::avx512_vnni, avx512_vnni_kernels},
    {"avx512", &Cpu::avx512, avx512_kernels}, {"avx2", &Cpu::avx2, avx2_kernels},
    {"neon", &Cpu::neon, neon_kernels},       {"generic", nullptr, nullptr},
};

const Cpu& this_cpu() {
  static const Cpu cpu = detect();
  return cpu;
}

bool usable(const Choice& choice) {
  return choice.present == nullptr || (this_cpu().*choice.present && choice.kernels() != nullptr);
}

}  // namespace

bool kernels_for(const char* isa, KernelChain& chain, Error& error) {
  chain = {};
  size_t first = 0;
  const size_t count = sizeof kChoices / sizeof kChoices[0];
  if (isa != nullptr && isa[0] != '\0') {
    while (first < count && std::strcmp(kChoices[first].name, isa) != 0) ++first;
    if (first == count) {
      return fail(error, FASTC_RT_UNSUPPORTED,
                  "FASTC_CPU_ISA is \"%s\"; expected generic, avx2, avx512, avx512_vnni, amx or neon", isa);
    }
    const Choice& choice = kChoices[first];
    if (choice.present != nullptr && !(this_cpu().*choice.present)) {
      return fail(error, FASTC_RT_UNSUPPORTED, "FASTC_CPU_ISA asks for %s, which this CPU does not have", isa);
    }
    if (!usable(choice)) return fail(error, FASTC_RT_UNSUPPORTED, "FASTC_CPU_ISA asks for %s, for which this build has no kernels", isa);
  }
  for (size_t i = first; i < count; ++i) {
    if (usable(kChoices[i])) chain.tables[chain.count++] = kChoices[i].kernels == nullptr ? &generic_kernels() : kChoices[i].kernels();
  }
  return true;
}

bool active_kernels(const KernelChain*& chain, Error& error) {
  struct Active {
    KernelChain chain;
    Error error;
    bool ok;
    Active() : ok(kernels_for(std::getenv("FASTC_CPU_ISA"), chain, error)) {}
  };
  static const Active active;
  chain = &active.chain;
  if (!active.ok) error = active.error;
  return active.ok;
}

}  // namespace fastc::rt
