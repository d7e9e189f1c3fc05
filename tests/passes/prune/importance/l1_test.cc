#include <limits>

#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("l1 adds up sizes, over all filters that write a channel") {
  CHECK(worth(ask(kFilters), "l1") == std::vector<double>{4, 0, 2, 2, 2});
  CHECK(worth(ask(kStream), "l1") == std::vector<double>{1 + 3, 2 + 7});
}

TEST_CASE("l1 refuses weights that are not finite, by name") {
  Asked asked = ask(kFilters);
  asked.module.weight(asked.module.find_value("a.w")).data.mutable_values<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(refused(asked, "l1") == "a.w: expected finite weights to rank channels by, found NaN or infinity");
}
