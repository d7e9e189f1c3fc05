// SHA-256 (FIPS 180-4): names what an artifact, a tensor or a recipe is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/api.h"

namespace fastc {

class FASTC_API Sha256 {
 public:
  void update(std::span<const std::byte> bytes);
  // The digest of everything so far, as 64 lower-case hex digits; the object may be updated further.
  std::string hex() const;
  std::array<uint8_t, 32> digest() const;

 private:
  void compress(const uint8_t* block);
  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> buffer_{};
  uint64_t length_ = 0;  // bytes seen
};

FASTC_API std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace fastc
