#include "tasks/batches.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace fastc {

std::vector<int64_t> indices_in_order(int64_t size) {
  std::vector<int64_t> indices(static_cast<size_t>(size));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return indices;
}

std::vector<int64_t> shuffled_indices(int64_t size, uint64_t seed, int64_t epoch) {
  auto indices = indices_in_order(size);
  Random(seed_for(seed, static_cast<uint64_t>(epoch))).shuffle(std::span(indices));
  return indices;
}

std::vector<std::span<const int64_t>> cut_batches(std::span<const int64_t> indices, int64_t batch, bool drop_last) {
  std::vector<std::span<const int64_t>> out;
  const auto size = static_cast<size_t>(std::max<int64_t>(batch, 1));
  for (size_t at = 0; at < indices.size(); at += size) {
    if (drop_last && indices.size() - at < size) break;
    out.push_back(indices.subspan(at, std::min(size, indices.size() - at)));
  }
  return out;
}

}  // namespace fastc
