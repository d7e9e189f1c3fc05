// One op of a program, ready to run: prepare() checks that its operands' shapes fit together and writes down everything run()
// needs, so that running is a walk over steps without a decision. prepare() is called when a session opens and again when the
// input shapes change; it allocates only while opening.
#pragma once

#include <atomic>
#include <memory>
#include <span>

#include "isa.h"
#include "packs.h"
#include "tensor.h"

namespace fastc::rt {

// Tiles [0, tiles) of one piece of work; steps of an op run one after the other, each over all threads. `scratch` is the
// thread's own.
struct Step {
  void (*run)(const void* self, int64_t begin, int64_t end, void* scratch) = nullptr;
  const void* self = nullptr;
  int64_t tiles = 0;
};

struct PrepareContext {
  const KernelChain& kernels;
  PackStore& packs;
  uint32_t op_index;
  bool opening;                 // may allocate, and scratch and workspace are still growing
  uint64_t scratch_limit;       // bytes a thread has, when not opening
  uint64_t workspace_limit;
  uint8_t* workspace;           // shared by all threads, alive during one op; null during the first pass of opening
  const char* name;             // of the op, for messages
  Error& error;
};

class Op {
 public:
  virtual ~Op() = default;
  // in[i] and out[i] are null where an optional operand is absent.
  virtual bool prepare(std::span<Tensor* const> in, std::span<Tensor* const> out, const void* attributes, PrepareContext& c) = 0;
  // After a run: was an index among the data outside its table?
  virtual bool check(Error&) { return true; }

  std::span<const Step> steps() const { return {steps_, static_cast<size_t>(count_)}; }
  uint64_t scratch_bytes() const { return scratch_; }
  uint64_t workspace_bytes() const { return workspace_; }
  const char* isa() const { return isa_; }
  bool checks() const { return checks_; }

 protected:
  static constexpr int kMaxSteps = 5;
  void begin() {
    count_ = 0;
    scratch_ = workspace_ = 0;
  }
  void add(void (*run)(const void*, int64_t, int64_t, void*), const void* self, int64_t tiles) {
    steps_[count_++] = {run, self, tiles};
  }
  bool fits(PrepareContext& c) const;  // scratch and workspace within what the session has

  Step steps_[kMaxSteps];
  int count_ = 0;
  uint64_t scratch_ = 0, workspace_ = 0;
  const char* isa_ = "generic";
  bool checks_ = false;
};

std::unique_ptr<Op> make_op(Kernel kernel);

// Elements in one tile of elementwise work: large enough to forget the hand-over, small enough for two threads to share.
inline constexpr int64_t kChunk = 16384;
inline int64_t chunks(int64_t elements, int64_t chunk = kChunk) { return (elements + chunk - 1) / chunk; }

// Says what did not fit: "op "x": …".
bool misfit(PrepareContext& c, const char* format, ...) __attribute__((format(printf, 2, 3)));

// A kernel chosen for its arguments, as a step runs it.
template <typename Args>
struct Chosen {
  Args args;
  const TiledKernel<Args>* kernel = nullptr;
  const void* packed = nullptr;
  const char* isa = "generic";

  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& chosen = *static_cast<const Chosen*>(self);
    chosen.kernel->run(chosen.args, chosen.packed, begin, end, scratch);
  }
  int64_t tiles() const { return kernel->tiles(args); }
  uint64_t scratch() const { return kernel->scratch == nullptr ? 0 : kernel->scratch(args); }
};

// The first candidate of the chain that accepts the arguments, can have its packed weights, and fits the scratch memory.
template <typename Args>
bool choose(Chosen<Args>& chosen, TiledKernel<Args> (KernelTable::*list)[kMaxCandidates], PrepareContext& c) {
  for (int t = 0; t < c.kernels.count; ++t) {
    for (const TiledKernel<Args>& kernel : c.kernels.tables[t]->*list) {
      if (kernel.run == nullptr || (kernel.accepts != nullptr && !kernel.accepts(chosen.args))) continue;
      if (!c.opening && kernel.scratch != nullptr && kernel.scratch(chosen.args) > c.scratch_limit) continue;
      const void* packed = nullptr;
      if (kernel.pack_bytes != nullptr && kernel.pack_bytes(chosen.args) > 0) {
        const auto fill = [&](void* to) { kernel.pack(chosen.args, to); };
        packed = c.packs.get({c.op_index, &kernel}, kernel.pack_bytes(chosen.args), c.opening, fill);
        if (packed == nullptr) continue;
      }
      chosen.kernel = &kernel;
      chosen.packed = packed;
      chosen.isa = c.kernels.tables[t]->isa;
      return true;
    }
  }
  return misfit(c, "no kernel takes these shapes");
}

}  // namespace fastc::rt
