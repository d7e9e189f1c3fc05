#include <cmath>

#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("fpgm: distances to all other filters") {
  // On a line at 0, 1, 2, 10: the median lies among the first three, and the one in the middle is replaceable.
  const Asked line = ask(R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[4,1] = [[0], [1], [2], [10]]
  @y.w : f32[1,4] = [[1, 1, 1, 1]]
  %a = linear(%x, @a.w)
  %y = linear(%a, @y.w)
})");
  CHECK(worth(line, "fpgm") == std::vector<double>{1 + 2 + 10, 1 + 1 + 9, 2 + 1 + 8, 10 + 9 + 8});
}

TEST_CASE("fpgm: a filter of zeros can be worth more than a large one that the others repeat") {
  const auto found = worth(ask(kFilters), "fpgm");
  CHECK(found[3] == found[4]);
  CHECK(found[1] > found[3]);
  CHECK(found[3] == Approx(std::sqrt(2) + 2 + std::sqrt(2) + 0));
}

TEST_CASE("fpgm: several writers make one vector") {
  const auto found = worth(ask(kStream), "fpgm");  // (1; 1 2) and (2; 3 4)
  CHECK(found[0] == Approx(3));
  CHECK(found[1] == Approx(3));
}
