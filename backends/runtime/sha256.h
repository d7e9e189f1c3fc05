// SHA-256 (FIPS 180-4) of a block of memory: the artifact's checksum. Uses the CPU's SHA instructions where it has them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastc::rt {

void sha256(const uint8_t* data, size_t bytes, uint8_t digest[32]);

// The plain code, whatever the CPU has; the test compares the two.
void sha256_plain(const uint8_t* data, size_t bytes, uint8_t digest[32]);

}  // namespace fastc::rt
