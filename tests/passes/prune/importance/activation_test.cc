#include <limits>

#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {
// relu(x · [1, -1, 0, 2]): seen where the second layer reads.
constexpr const char* kRelu = R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[4,1] = [[1], [-1], [0], [2]]
  @y.w : f32[1,4] = [[1, 1, 1, 1]]
  %a = linear(%x, @a.w)
  %r = relu(%a)
  %y = linear(%r, @y.w)
})";
}  // namespace

TEST_CASE("activation is the mean size after the nonlinearity") {
  const Samples data = literal_samples({4, 1}, {1, 2, -1, 3});
  CHECK(worth(ask(kRelu), "activation", &data) == std::vector<double>{6 / 4.0, 1 / 4.0, 0, 12 / 4.0});
}

TEST_CASE("activation over the positions of a flattened channel") {
  const Asked flat = ask(R"(module m (%x : f32[N,1,1,2]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[2,1,1,1] = [[[[1]]], [[[-10]]]]
  @y.w : f32[1,4] = [[1, 1, 1, 1]]
  %a = conv(%x, @a.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %f = reshape(%a) {shape=[N,4]}
  %y = linear(%f, @y.w)
})");
  const Samples data = literal_samples({1, 1, 1, 2}, {1, 3});
  CHECK(worth(flat, "activation", &data) == std::vector<double>{2, 20});
}

TEST_CASE("activation refuses data that gives no finite numbers") {
  const Samples data = literal_samples({1, 1}, {std::numeric_limits<float>::infinity()});
  CHECK(refused(ask(kRelu), "activation", &data).find("expected finite activations") == 0);
}
