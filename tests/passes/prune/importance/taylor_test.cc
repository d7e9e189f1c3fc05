#include <cmath>

#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {
// Scores (b, -b) with b = y.w · a: one reader of two channels.
constexpr const char* kTwo = R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[2,1] = [[9], [1]]
  @y.w : f32[2,2] = [[0, 1], [0, -1]]
  %a = linear(%x, @a.w)
  %y = linear(%a, @y.w)
})";
}  // namespace

TEST_CASE("taylor is the squared first-order change of the loss") {
  // x = 1, label 0: scores (1, -1), dL/dscore = (p - 1, 1 - p) with p = softmax = 1/(1 + e^-2). Channel 1: Σ g·w = (p-1)·1 + (1-p)·(-1) = -2(1-p).
  const Samples data = literal_samples({1, 1}, {1}, {0});
  const double p = 1 / (1 + std::exp(-2.0));
  const auto found = worth(ask(kTwo), "taylor", &data);
  CHECK(found[0] == 0);  // what reads it is zero, however large its filter
  CHECK(found[1] == Approx(4 * (1 - p) * (1 - p)).epsilon(1e-5));
}

TEST_CASE("taylor without labels draws them from the model's own answers") {
  const Samples data = literal_samples({2, 1}, {1, -1});
  const auto found = worth(ask(kTwo), "taylor", &data);
  CHECK(found[0] == 0);
  CHECK(found[1] > 0);
}
