// The order in which samples are taken, and their cutting into batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/api.h"

namespace fastc {

FASTC_API std::vector<int64_t> indices_in_order(int64_t size);
// A permutation that depends on nothing but its arguments: the same epoch of the same stage sees the same order, also after a resume.
FASTC_API std::vector<int64_t> shuffled_indices(int64_t size, uint64_t seed, int64_t epoch);
// Views of `indices`, `batch` at a time; the last one may be smaller, and is dropped with drop_last.
FASTC_API std::vector<std::span<const int64_t>> cut_batches(std::span<const int64_t> indices, int64_t batch, bool drop_last = false);

}  // namespace fastc
