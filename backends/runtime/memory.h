// One aligned block of memory, freed with its owner. Allocation failure is a value.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace fastc::rt {

class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Block() { std::free(data_); }

  // 64-byte aligned, contents undefined; false when there is no memory.
  bool allocate(uint64_t bytes) {
    std::free(data_);
    data_ = nullptr;
    bytes_ = bytes;
    void* memory = nullptr;
    if (bytes > SIZE_MAX - 64 || posix_memalign(&memory, 64, bytes == 0 ? 64 : bytes) != 0) return false;
    data_ = static_cast<uint8_t*>(memory);
    return true;
  }
  uint8_t* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  uint8_t* data_ = nullptr;
  uint64_t bytes_ = 0;
};

inline uint64_t align64(uint64_t bytes) { return (bytes + 63) & ~uint64_t{63}; }

}  // namespace fastc::rt
