#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {
constexpr const char* kNorm = R"(module m (%x : f32[N,1,2,2]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[3,1,1,1] = [[[[1]]], [[[2]]], [[[3]]]]
  @n.w : f32[3] = [-2, 0, 0.5]
  @n.b : f32[3] = [4, 5, 6]
  @n.m : f32[3] buffer = [7, 8, 9]
  @n.v : f32[3] buffer = [1, 1, 2]
  @y.w : f32[1,3,1,1] = [[[[1]],[[1]],[[1]]]]
  %a = conv(%x, @a.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %n = batch_norm(%a, @n.w, @n.b, @n.m, @n.v)
  %y = conv(%n, @y.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
})";
}  // namespace

TEST_CASE("batch_norm ranks by the size of the scale, whatever its sign") {
  CHECK(worth(ask(kNorm), "batch_norm") == std::vector<double>{2, 0, 0.5});
}

TEST_CASE("batch_norm names a layer that has none") {
  const std::string message = refused(ask(kFilters), "batch_norm");
  CHECK(message.find("a: expected a batch norm with a scale behind these channels") == 0);
  CHECK(message.find("another importance") != std::string::npos);
}
