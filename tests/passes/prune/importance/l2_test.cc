#include <cmath>

#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("l2 is the length of the filters put one behind the other") {
  const auto found = worth(ask(kFilters), "l2");
  CHECK(found[0] == Approx(std::sqrt(10)));
  CHECK(found[1] == 0);
  CHECK(found[2] == Approx(std::sqrt(2)));
  CHECK(found[3] == 2);  // as large as its l1; channel 2, as large by l1, is smaller here
  const auto stream = worth(ask(kStream), "l2");
  CHECK(stream[0] == Approx(std::sqrt(1 + 5)));
  CHECK(stream[1] == Approx(std::sqrt(4 + 25)));
}
