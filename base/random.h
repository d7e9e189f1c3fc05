// Randomness that is the same on every machine: xoshiro256++ (Blackman, Vigna, "Scrambled linear pseudorandom number
// generators", 2019), seeded by splitmix64. Only integer arithmetic and correctly rounded float operations are used, no libm.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/api.h"

namespace fastc {

// The seed of one stage: hash(seed, name). What a stage draws never depends on what ran before it.
FASTC_API uint64_t seed_for(uint64_t seed, std::string_view stage);
// The seed of one sample of one stage, so that sample i is augmented alike whatever the order.
FASTC_API uint64_t seed_for(uint64_t seed, uint64_t index);

class FASTC_API Random {
 public:
  explicit Random(uint64_t seed);
  uint64_t bits();                                 // 64 uniform bits
  double uniform();                                // [0, 1), 53 bits
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();                                 // mean 0, variance 1 (Marsaglia's polar method)
  uint64_t below(uint64_t n);                      // 0 … n-1, without bias (Lemire 2019); n > 0
  bool flip() { return bits() >> 63 != 0; }        // a fair coin

  template <typename T>
  void shuffle(std::span<T> items) {               // Fisher-Yates
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::array<uint64_t, 4> state_;
  double spare_ = 0;  // the polar method gives two at a time
  bool has_spare_ = false;
};

}  // namespace fastc
