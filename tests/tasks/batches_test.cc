#include "tasks/batches.h"

#include <algorithm>

#include "tests/catch.h"

using namespace fastc;

TEST_CASE("an epoch's order is a permutation that depends on seed and epoch alone") {
  const auto a = shuffled_indices(100, 7, 0);
  CHECK(a == shuffled_indices(100, 7, 0));
  CHECK(a != shuffled_indices(100, 7, 1));
  CHECK(a != shuffled_indices(100, 8, 0));
  auto sorted = a;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == indices_in_order(100));
  CHECK(shuffled_indices(0, 1, 1).empty());
}

TEST_CASE("batches cover everything, the last one smaller or dropped") {
  const auto all = indices_in_order(10);
  const auto batches = cut_batches(all, 4);
  REQUIRE(batches.size() == 3);
  CHECK(batches[2].size() == 2);
  CHECK(batches[1][0] == 4);
  CHECK(cut_batches(all, 4, true).size() == 2);
  CHECK(cut_batches({}, 4).empty());
}
