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
// Three that do the same, y = relu(a0 + a1 + a2 - 1): the first and the second to go change the output by a half each, the third by nothing.
constexpr const char* kTriplets = R"(module m (%x : f32[N,1]) -> (%b) symbols N in [1, 8] {
  @a.w : f32[3,1] = [[1], [1], [1]]
  @b.w : f32[1,3] = [[1, 1, 1]]
  @b.b : f32[1] = [-1]
  %a = linear(%x, @a.w)
  %s = linear(%a, @b.w, @b.b)
  %b = relu(%s)
})";
}  // namespace

TEST_CASE("shapley: the values add up to what all channels together are worth, and a dummy gets nothing") {
  const Asked asked = ask(kTwins);
  const Samples data = literal_samples({1, 1}, {1});
  const auto found = worth(asked, "shapley", &data);
  CHECK(found[2] == Approx(0).margin(1e-7));
  CHECK(std::accumulate(found.begin(), found.end(), 0.0) == Approx(1).epsilon(1e-5));
}

TEST_CASE("shapley: an order and its reverse weigh early and late places alike") {
  // Whichever twin goes first changes all of the output, the other then nothing: each is worth half of it.
  const Asked asked = ask(kTwins);
  const Samples data = literal_samples({1, 1}, {1});
  CHECK(worth(asked, "shapley", &data, 2) == std::vector<double>{0.5, 0.5, 0});
}

TEST_CASE("shapley: the mean over pairs of orders, with its standard error") {
  // Of an order and its reverse the one in the middle gets 1/2 and 1/2, the outer ones 1/2 and 0.
  const Asked asked = ask(kTriplets);
  const Samples data = literal_samples({1, 1}, {1});
  const auto measured = measure(asked, "shapley", &data, 200);
  REQUIRE(measured);
  const size_t group = asked.coupling.sets[asked.set].groups[0];
  const double middle = (measured->values[group] - 0.25) / 0.25;  // share of the pairs in which it stood in the middle
  CHECK(middle == Approx(1 / 3.0).margin(0.15));
  CHECK(measured->errors[group] == Approx(0.25 * std::sqrt(middle * (1 - middle) / 99)).epsilon(1e-3));
}

TEST_CASE("shapley: a residual stream is masked wherever it is read") {
  // x = 1: a = (1, 2), b = (5, 11), sum = (6, 13), y = 19. Without channel 0: b1 = 8, sum1 = 10, y = 10; without channel 1: b0 = 1, sum0 = 2, y = 2.
  const Asked asked = ask(kStream);
  const Samples data = literal_samples({1, 1}, {1});
  const auto found = worth(asked, "shapley", &data, 2);
  CHECK(found[0] == Approx((9 + 2) / 38.0));
  CHECK(found[1] == Approx((10 + 17) / 38.0));
}

TEST_CASE("shapley: labels do not matter") {
  const Asked asked = ask(kTwins);
  const Samples with = literal_samples({1, 1}, {1}, {0}), without = literal_samples({1, 1}, {1});
  CHECK(worth(asked, "shapley", &with) == worth(asked, "shapley", &without));
}
