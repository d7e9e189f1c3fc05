// Which samples are trained on, in which order; and which are only judged on.
#pragma once

#include <cstdint>
#include <vector>

namespace fastc::engine {

struct Sampling {
  std::vector<int64_t> members, held_out;  // ascending
  int64_t batch_size = 1, batches = 0;     // an epoch

  // `share` of the samples (rounded down, at least one where it is above 0) is held out, drawn from the seed.
  static Sampling make(int64_t samples, int64_t batch_size, double share, uint64_t seed);
  std::vector<int64_t> shuffled(uint64_t seed, int64_t epoch) const;  // members
};

}  // namespace fastc::engine
