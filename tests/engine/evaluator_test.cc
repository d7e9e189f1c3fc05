#include "ir/op.h"
#include "tests/engine/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

constexpr const char* kReuse = R"(module m (%x : f32[N,2]) -> (%a, %z) symbols N in [1, 4] {
  %a = neg(%x)
  %b = relu(%a)
  %c = relu(%x)
  %v = reshape(%b) {shape=[2*N]}
  %d = add(%b, %b)
  %e = relu(%v)
  %f = reshape(%e) {shape=[N,2]}
  %g = add(%d, %f)
  %z = sub(%g, %c)
})";

}  // namespace

TEST_CASE("memory is reused only where nobody looks at it any more") {
  const Tensor x = f32({2, 2}, {1, -2, -3, 4});
  for (int run = 0; run < 2; ++run) {
    const auto y = outputs_of(kReuse, {x});
    CHECK(to_doubles(y[0]) == std::vector<double>{-1, 2, 3, -4});
    CHECK(to_doubles(y[1]) == std::vector<double>{-1, 6, 9, -4});  // 3·relu(−x) − relu(x)
  }
  CHECK(to_doubles(x) == std::vector<double>{1, -2, -3, 4});
}

TEST_CASE("a visitor sees every node with what it was computed from") {
  const Module m = module_of(kReuse);
  auto evaluator = Evaluator::prepare(m);
  REQUIRE(evaluator.has_value());
  const Tensor x = f32({1, 2}, {1, -2});
  size_t seen = 0;
  const auto visit = [&](NodeId id, std::span<const Tensor> operands, std::span<const Tensor> results) -> Status {
    ++seen;
    // Each result again, from the operands alone: what was handed out was not overwritten.
    const auto again = evaluate_node(m, id, operands);
    REQUIRE(again.has_value());
    CHECK(equal(again->at(0), results[0]));
    return {};
  };
  REQUIRE(evaluator->run(std::vector{x}, visit).has_value());
  CHECK(seen == m.order().size());
  const auto stop = [](NodeId, std::span<const Tensor>, std::span<const Tensor>) -> Status { return stage_error("enough"); };
  const auto stopped = evaluator->run(std::vector{x}, stop);
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().message == "enough");
}

TEST_CASE("inputs that do not fit are named") {
  const Module m = module_of(kReuse);
  auto evaluator = Evaluator::prepare(m);
  REQUIRE(evaluator.has_value());
  const auto message = [&](const std::vector<Tensor>& inputs) { return evaluator->run(inputs).error().message; };
  CHECK(message({}) == "expected 1 inputs, found 0");
  CHECK(message({f32({2}, {1, 2})}) == "input x: expected f32[N,2], found Float[2]");
  CHECK(message({f32({1, 3}, {1, 2, 3})}) == "input x: expected f32[N,2], found the shape [1,3]");
  CHECK(message({i64({1, 2}, {1, 2})}) == "input x: expected f32[N,2], found Long[1,2]");
  CHECK(message({Tensor::zeros(DType::kF32, {5, 2})}) == "the size N is 5, expected 1 to 4");
}

TEST_CASE("what LibTorch refuses is told with node and shapes") {
  const Module m = module_of(R"(module m (%x : f32[1,2], %i : i64[1]) -> (%y) {
    %y = index_select(%x, %i) {axis=1}
  })");
  auto evaluator = Evaluator::prepare(m);
  REQUIRE(evaluator.has_value());
  const auto y = evaluator->run(std::vector{f32({1, 2}, {1, 2}), i64({1}, {7})});
  REQUIRE_FALSE(y.has_value());
  CHECK_THAT(y.error().message, Catch::Matchers::Contains("y (index_select) cannot be evaluated on operands [1,2], [1]: "));
  CHECK(y.error().cls == ErrorClass::kInput);
}

TEST_CASE("weights are shared, not copied, and a module's output may be one") {
  const Module m = module_of("module m (%x : f32[1]) -> (@w, %y) { @w : f32[1] = [3] %y = mul(%x, @w) }");
  auto evaluator = Evaluator::prepare(m);
  REQUIRE(evaluator.has_value());
  const auto y = evaluator->run(std::vector{f32({1}, {2})});
  REQUIRE(y.has_value());
  CHECK(y->at(0).raw() == m.weights.find("w")->second.data.raw());
  CHECK(to_doubles(y->at(1)) == std::vector<double>{6});
}

TEST_CASE("gradients of the weights") {
  // Two classes, zero weights: p = 0.5 each, dL/dlogit = p − truth; dL/dw = (p − truth)·x.
  const Module m = module_of("module m (%x : f32[N,2]) -> (%y) symbols N in [1, 9] { @w : f32[2,2] = zeros %y = linear(%x, @w) }");
  const Tensor x = f32({1, 2}, {2, 3});
  const auto g = weight_gradients(m, std::vector{x}, i64({1}, {1}), 0);
  REQUIRE(g.has_value());
  check_close(g->at("w"), f32({2, 2}, {1, 1.5f, -1, -1.5f}));
  // Drawn labels: one of the two, the same for the same seed.
  const auto a = weight_gradients(m, std::vector{x}, Tensor(), 5), b = weight_gradients(m, std::vector{x}, Tensor(), 5);
  REQUIRE(a.has_value());
  CHECK(equal(a->at("w"), b->at("w")));
  CHECK(std::abs(to_doubles(a->at("w"))[0]) == Approx(1));
  const auto wrong = weight_gradients(m, std::vector{x}, i64({1}, {2}), 0);
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().message == "labels must be in 0..1 for the gradients, found 2 to 2");
}
