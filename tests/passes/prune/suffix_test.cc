#include "passes/prune/suffix.h"

#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("what lies behind a value gives the same outputs from what lies before") {
  const Module m = read(R"(module m (%x : f32[N,2]) -> (%y, %a) symbols N in [1, 8] {
  @w : f32[2,2] = [[1, 2], [3, -4]]
  @v : f32[2,2] = [[0, 1], [1, 1]]
  %a = linear(%x, @w)
  %r = relu(%a)
  %b = linear(%r, @v)
  %sum = add(%b, %a)
  %y = linear(%sum, @v)
})");
  const std::vector<Tensor> inputs{Tensor::of<float>({2, 2}, {1, 2, -3, 0.5})};
  const auto whole = evaluate(m, inputs);
  const prune::Suffix suffix = prune::suffix_behind(m, std::vector<ValueId>{m.find_value("r")});
  REQUIRE(suffix.frontier.size() == 2);  // %r, and %a, which is added and an output
  CHECK(m.value(suffix.frontier[0]).name == "r");
  CHECK(m.value(suffix.frontier[1]).name == "a");
  CHECK(suffix.module.find_node("a") == kNoId);
  CHECK(suffix.module.find_value("w") == kNoId);
  const auto values = prune::values_of(m, inputs, suffix.frontier);
  REQUIRE(values);
  const auto rest = evaluate(suffix.module, *values);
  CHECK(equal(rest[0], whole[0]));
  CHECK(equal(rest[1], whole[1]));
}

TEST_CASE("a suffix behind an input is the whole network") {
  const Module m = read(R"(module m (%x : f32[N,2], %z : f32[N,2]) -> (%y) symbols N in [1, 8] {
  %a = relu(%z)
  %y = add(%a, %x)
})");
  const prune::Suffix suffix = prune::suffix_behind(m, std::vector<ValueId>{m.find_value("x")});
  REQUIRE(suffix.frontier.size() == 2);
  CHECK(m.value(suffix.frontier[1]).name == "a");
}
