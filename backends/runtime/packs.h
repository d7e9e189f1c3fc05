// What kernels make out of the stored weights besides them (TiledKernel::pack): made once a model and kernel, shared by all
// sessions, freed with the model.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>

#include "memory.h"

namespace fastc::rt {

struct PackKey {
  uint32_t op;
  const void* kernel;
  bool operator==(const PackKey&) const = default;
};

class PackStore {
 public:
  // The packed block of a key; `fill` makes it when it is not there yet and `make` allows it. Null when it is not there, or
  // there is no memory, or its size differs from the one made earlier (packing depends on weights only, never on batch size).
  template <typename Fill>
  const void* get(PackKey key, uint64_t bytes, bool make, Fill fill) {
    std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.key == key) return entry.block.bytes() == bytes ? entry.block.data() : nullptr;
    }
    if (!make) return nullptr;
    Entry entry{key, {}};
    if (!entry.block.allocate(bytes)) return nullptr;
    fill(entry.block.data());
    total_ += bytes;
    entries_.push_back(std::move(entry));
    return entries_.back().block.data();
  }
  uint64_t bytes() const { return total_; }

 private:
  struct Entry {
    PackKey key;
    Block block;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;
  uint64_t total_ = 0;
};

}  // namespace fastc::rt
