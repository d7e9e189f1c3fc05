#include "engine/training/sampling.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "base/random.h"

namespace fastc::engine {

Sampling Sampling::make(int64_t samples, int64_t batch_size, double share, uint64_t seed) {
  std::vector<int64_t> all(samples);
  std::iota(all.begin(), all.end(), int64_t{0});
  Sampling s;
  if (share > 0) {
    Random random(seed_for(seed, "held out"));
    random.shuffle(std::span(all));
    const auto count = std::max<int64_t>(1, static_cast<int64_t>(share * static_cast<double>(samples)));
    s.held_out.assign(all.begin(), all.begin() + count);
    all.erase(all.begin(), all.begin() + count);
    std::sort(s.held_out.begin(), s.held_out.end());
    std::sort(all.begin(), all.end());
  }
  s.members = std::move(all);
  const auto count = static_cast<int64_t>(s.members.size());
  s.batch_size = std::min(batch_size, std::max<int64_t>(1, count));
  s.batches = (count + s.batch_size - 1) / s.batch_size;
  // Batch statistics of one sample mean nothing; the sample that is left over waits for another epoch's order.
  if (s.batches > 1 && count % s.batch_size == 1) --s.batches;
  return s;
}

std::vector<int64_t> Sampling::shuffled(uint64_t seed, int64_t epoch) const {
  std::vector<int64_t> order = members;
  Random random(seed_for(seed_for(seed, "order"), static_cast<uint64_t>(epoch)));
  random.shuffle(std::span(order));
  return order;
}

}  // namespace fastc::engine
