#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("random draws by the seed and by nothing else") {
  const Asked asked = ask(kFilters);
  const auto drawn = worth(asked, "random");
  CHECK(drawn == worth(asked, "random"));
  CHECK(drawn != worth(asked, "random", nullptr, 4, 8));
  for (const double value : drawn) CHECK((value >= 0 && value < 1));
}
