#include "base/random.h"

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "tests/catch.h"

using namespace fastc;

// Values computed once with a Python script that follows the papers' reference code: they must never change, or recipes
// would give other models.
TEST_CASE("the generator's first numbers are pinned") {
  Random random(7);
  CHECK(random.bits() == 0x0e2c1a002aae913d);
  CHECK(random.bits() == 0x2c0fc8ddfa4e9e14);
  CHECK(seed_for(7, "prune") == 0xe86a78c5e13fd094);
  CHECK(seed_for(7, uint64_t{3}) == 0x6baa78681a99f995);
}

TEST_CASE("a stage's seed depends on the seed and on the name") {
  CHECK(seed_for(1, "prune") != seed_for(2, "prune"));
  CHECK(seed_for(1, "prune") != seed_for(1, "distill"));
  CHECK(seed_for(1, "prune") == seed_for(1, "prune"));
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 1000; ++i) seen.insert(seed_for(uint64_t{1}, i));
  CHECK(seen.size() == 1000);
}

TEST_CASE("uniform, normal and below have their distributions") {
  Random random(1);
  constexpr int kDraws = 100000;
  double sum = 0, normal_sum = 0, normal_squares = 0, cubes = 0;
  std::vector<int> counts(7);
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    REQUIRE((u >= 0 && u < 1));
    sum += u;
    const double z = random.normal();
    normal_sum += z, normal_squares += z * z, cubes += z * z * z;
    const uint64_t k = random.below(7);
    REQUIRE(k < 7);
    ++counts[k];
  }
  // Bounds of five standard errors.
  CHECK(std::fabs(sum / kDraws - 0.5) < 5 * 0.2887 / std::sqrt(kDraws));
  CHECK(std::fabs(normal_sum / kDraws) < 5 / std::sqrt(kDraws));
  CHECK(std::fabs(normal_squares / kDraws - 1) < 5 * std::sqrt(2.0 / kDraws));
  CHECK(std::fabs(cubes / kDraws) < 5 * std::sqrt(15.0 / kDraws));
  for (const int count : counts) CHECK(std::abs(count - kDraws / 7) < 5 * std::sqrt(kDraws / 7.0));
}

TEST_CASE("normal agrees with libm's logarithm to the last digits") {
  Random a(5), b(5);
  double x = 0, y = 0, r = 0;
  do {
    x = 2 * b.uniform() - 1;
    y = 2 * b.uniform() - 1;
    r = x * x + y * y;
  } while (r >= 1 || r == 0);
  CHECK(a.normal() == Approx(x * std::sqrt(-2 * std::log(r) / r)).epsilon(1e-14));
  CHECK(a.normal() == Approx(y * std::sqrt(-2 * std::log(r) / r)).epsilon(1e-14));
}

TEST_CASE("shuffle keeps every item, and moves them") {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  const auto before = items;
  Random(3).shuffle(std::span(items));
  CHECK(items != before);
  CHECK(std::set<int>(items.begin(), items.end()).size() == 100);
  Random(3).shuffle(std::span<int>());  // nothing to do
}
