#include "passes/quantize/budget.h"

#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::quantize;
using namespace fastc::test;

namespace {

using Layers = std::vector<std::vector<Precision>>;
using Chosen = std::vector<size_t>;

}  // namespace

TEST_CASE("a budget takes the bits where they cost the least error for a byte") {
  // Bytes 40, 10, 5 each. The first layer is ten times as sensitive as the second.
  const Layers layers = {{{40, 0}, {10, 0.1}, {5, 1}}, {{40, 0}, {10, 0.01}, {5, 0.1}}};
  CHECK(choose_precisions(layers, 80) == Chosen{0, 0});
  CHECK(choose_precisions(layers, 79) == Chosen{0, 1});
  CHECK(choose_precisions(layers, 49) == Chosen{1, 1});
  CHECK(choose_precisions(layers, 19) == Chosen{1, 2});
  CHECK(choose_precisions(layers, 10) == Chosen{2, 2});
  CHECK(choose_precisions(layers, 3) == Chosen{2, 2});  // cannot be reached: the least there is
  CHECK(choose_precisions({}, 0).empty());
}

TEST_CASE("a budget passes over a bad bargain, and takes back what was not needed") {
  // The middle costs as much as the last: straight to the last, and back only where that makes the error less.
  CHECK(choose_precisions(Layers{{{40, 0}, {30, 0.5}, {5, 0.5}}}, 39) == Chosen{2});
  CHECK(choose_precisions(Layers{{{40, 0}, {30, 0.4}, {5, 0.5}}}, 39) == Chosen{1});
  // The small layer goes first (0.001 for 8 bytes), then the large one is needed, and then the small one was not.
  const Layers layers = {{{8, 0}, {2, 0.001}}, {{100, 0}, {20, 0.1}}};
  CHECK(choose_precisions(layers, 50) == Chosen{0, 1});
  CHECK(choose_precisions(layers, 26) == Chosen{1, 1});
}

TEST_CASE("steps that cost nothing are free, and ties go to the first layer") {
  CHECK(choose_precisions(Layers{{{40, 0}, {10, 0}}, {{40, 0}, {20, 0}}}, 79) == Chosen{1, 0});
  CHECK(choose_precisions(Layers{{{40, 0}, {10, 0.1}}, {{40, 0}, {10, 0.1}}}, 79) == Chosen{1, 0});
  // Measured errors may fall with fewer bits.
  CHECK(choose_precisions(Layers{{{40, 0}, {10, 0.1}, {5, 0.05}}, {{40, 0}, {10, 0.2}, {5, 0.4}}}, 50) == Chosen{2, 0});
  // A layer that cannot shrink is left.
  CHECK(choose_precisions(Layers{{{40, 0}}, {{40, 0}, {10, 0.2}}}, 50) == Chosen{0, 1});
}

TEST_CASE("the outputs' change is that of the weight alone, relative to the outputs") {
  const Module m = module_of(R"(module (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[1,2] = [3, 4]
    %y = linear(%x, @w)
  })");
  const auto change = OutputChange::prepare(m, {Tensor::of<float>({2, 2}, {1, 0, 0, 1})});
  REQUIRE(change);
  Weight weight = m.weights.at("w");
  CHECK(*change->with(m.find_value("w"), weight) == 0);
  weight.data = Tensor::of<float>({1, 2}, {3, 3});  // outputs 3 and 4 became 3 and 3
  CHECK(*change->with(m.find_value("w"), weight) == Approx(1.0 / 25));
  CHECK(to_doubles(m.weights.at("w").data) == std::vector<double>{3, 4});
}
