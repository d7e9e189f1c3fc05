// Which instruction set's kernels run. FASTC_CPU_ISA=generic|avx2|avx512|avx512_vnni|amx|neon forces one (read once);
// otherwise the best one that this CPU and this build have.
#pragma once

#include "error.h"
#include "kernels.h"

namespace fastc::rt {

inline constexpr int kMaxTables = 6;

// From the chosen instruction set down to generic: what a table lacks, the next one may have.
struct KernelChain {
  const KernelTable* tables[kMaxTables] = {};
  int count = 0;
  const char* name() const { return count > 0 ? tables[0]->isa : "none"; }
};

// The chain in force. Fails (FASTC_RT_UNSUPPORTED) when FASTC_CPU_ISA asks for what this CPU or this build lacks.
bool active_kernels(const KernelChain*& chain, Error& error);

// The same for a named instruction set; tests walk through all of them in one process.
bool kernels_for(const char* isa, KernelChain& chain, Error& error);

// The first table's elementwise function that is there; null when only the generic loop is.
template <typename Function>
Function first_row_kernel(const KernelChain& chain, Function KernelTable::*member, const char** isa = nullptr) {
  for (int i = 0; i < chain.count; ++i) {
    if (chain.tables[i]->*member == nullptr) continue;
    if (isa != nullptr) *isa = chain.tables[i]->isa;
    return chain.tables[i]->*member;
  }
  return nullptr;
}

}  // namespace fastc::rt
