#include <cmath>
#include <numeric>

#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {
// Channels 0 and 1 do the same: the output is (2·relu(a0 + a1 - 1), 0) with a = x. Channel 2 does nothing.
constexpr const char* kTwins = R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[3,1] = [[1], [1], [5]]
  @b.w : f32[1,3] = [[1, 1, 0]]
  @b.b : f32[1] = [-1]
  @y.w : f32[2,1] = [[2], [0]]
  %a = linear(%x, @a.w)
  %b = linear(%a, @b.w, @b.b)
  %r = relu(%b)
  %y = linear(%r, @y.w)
})";
}  // namespace

TEST_CASE("shapley: the values add up to what all channels together are worth, and a dummy gets nothing") {
  const Asked asked = ask(kTwins);
  const Samples data = literal_samples({1, 1}, {1});
  const auto found = worth(asked, "shapley", &data);
  CHECK(found[2] == Approx(0).margin(1e-7));
  CHECK(std::accumulate(found.begin(), found.end(), 0.0) == Approx(1).epsilon(1e-5));
}

TEST_CASE("shapley: the mean over orders, with its standard error") {
  // Whichever twin goes first changes all of the output, the other then nothing: each is worth half of it.
  const Asked asked = ask(kTwins);
  const Samples data = literal_samples({1, 1}, {1});
  const auto measured = measure(asked, "shapley", &data, 200);
  REQUIRE(measured);
  const auto& groups = asked.coupling.sets[asked.set].groups;
  const double share = measured->values[groups[0]];  // of the orders, those in which it went first
  CHECK(share == Approx(0.5).margin(0.15));
  CHECK(measured->values[groups[1]] == Approx(1 - share).epsilon(1e-4));
  CHECK(measured->errors[groups[0]] == Approx(std::sqrt(share * (1 - share) * 200 / 199.0) / std::sqrt(200.0)).epsilon(1e-3));
  CHECK(measured->errors[groups[2]] == Approx(0).margin(1e-7));
}

TEST_CASE("shapley: a residual stream is masked wherever it is read") {
  // x = 1: a = (1, 2), b = (5, 11), sum = (6, 13), y = 19. Without channel 0: b1 = 8, sum1 = 10, y = 10; without channel 1: b0 = 1, sum0 = 2, y = 2.
  const Asked asked = ask(kStream);
  const Samples data = literal_samples({1, 1}, {1});
  const auto found = worth(asked, "shapley", &data, 300);
  const double zero_first = 9 / 19.0, one_first = 17 / 19.0;
  const double p = (found[0] - (1 - one_first)) / (zero_first - (1 - one_first));  // share of the orders in which channel 0 went first
  CHECK(p == Approx(0.5).margin(0.12));
  CHECK(found[0] + found[1] == Approx(1).epsilon(1e-5));
}

TEST_CASE("shapley: labels do not matter") {
  const Asked asked = ask(kTwins);
  const Samples with = literal_samples({1, 1}, {1}, {0}), without = literal_samples({1, 1}, {1});
  CHECK(worth(asked, "shapley", &with) == worth(asked, "shapley", &without));
}
