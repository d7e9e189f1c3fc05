#include "passes/prune/gradual.h"

#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// Input i is the sum of what it is in both classes; x0 tells the class, x1 is noise, and the weights say the opposite.
Module classifier() {
  return read(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
  @w : f32[2,2] = [[0.1, 0.5], [-0.1, -0.5]]
  %y = linear(%x, @w)
})");
}
Samples data() { return literal_samples({4, 2}, {1, 0.2F, 1, -0.2F, -1, 0.2F, -1, -0.2F}, {0, 0, 1, 1}); }

nlohmann::json recipe(nlohmann::json train, nlohmann::json more) {
  train.update({{"batch_size", 4}, {"optimizer", {{"type", "sgd"}, {"lr", 0.5}, {"momentum", 0}}}, {"schedule", {{"type", "constant"}}}});
  more["train"] = train;
  return more;
}

PassReport pruned(Module& m, const nlohmann::json& options) {
  static const Samples samples = data();
  PlainContext context;
  context.training = context.calibration_data = &samples;
  return pass_ok("prune.weight", m, context, options);
}

}  // namespace

TEST_CASE("the zeros grow along the cubic curve") {
  const prune::Gradual plan{.pattern = {}, .weights = {}, .shares = {}, .movement = false, .begin = 0.2, .end = 0.6, .every = 1};
  CHECK(prune::share_of_end(plan, 0, 101) == 0);
  CHECK(prune::share_of_end(plan, 20, 101) == 0);
  CHECK(prune::share_of_end(plan, 40, 101) == Approx(1 - 0.125));  // half way: 1 − (1/2)³
  CHECK(prune::share_of_end(plan, 60, 101) == 1);
  CHECK(prune::share_of_end(plan, 100, 101) == 1);
}

TEST_CASE("gradual pruning ends with exactly the share asked for, and what is left has been trained") {
  Module m = classifier();
  const PassReport report = pruned(m, recipe({{"epochs", 20}, {"every", 2}}, {{"ratio", 0.5}}));
  const auto w = weight_of(m, "w");
  CHECK(std::count(w.begin(), w.end(), 0.0) == 2);
  CHECK(m.weight(m.find_value("w")).encoding.sparsity == Encoding::Sparsity::kUnstructured);
  CHECK(number_of(report, "weights_zero") == 2);
  CHECK(number_of(report, "steps") == 20);
}

TEST_CASE("magnitude keeps the large weights, movement those that training makes larger") {
  Module large = classifier(), moved = classifier();
  // One step only, so that sizes have no time to turn around: the noise's weights are the large ones.
  pruned(large, recipe({{"steps", 1}, {"end", 0}}, {{"ratio", 0.5}}));
  const auto by_size = weight_of(large, "w");
  CHECK(by_size[0] == 0);
  CHECK(by_size[2] == 0);
  pruned(moved, recipe({{"steps", 1}, {"end", 0}}, {{"ratio", 0.5}, {"importance", "movement"}}));
  // dL/dw of the class's input is negative for a positive weight (it should grow), that of the noise's input is positive (it should shrink).
  const auto by_movement = weight_of(moved, "w");
  CHECK(by_movement[1] == 0);
  CHECK(by_movement[3] == 0);
  CHECK(by_movement[0] > 0.1);
}

TEST_CASE("N:M and blocks under training, and no training at all") {
  Module groups = classifier();
  pruned(groups, recipe({{"epochs", 8}, {"every", 1}}, {{"pattern", "1:2"}}));
  const auto w = weight_of(groups, "w");
  CHECK((w[0] == 0) != (w[1] == 0));
  CHECK((w[2] == 0) != (w[3] == 0));
  Module blocks = classifier();
  pruned(blocks, recipe({{"epochs", 8}, {"every", 3}}, {{"pattern", "2x1"}, {"ratio", 0.5}}));
  const auto b = weight_of(blocks, "w");
  CHECK((b[0] == 0) == (b[2] == 0));
  CHECK((b[0] == 0) != (b[1] == 0));
  Module none = classifier();
  CHECK(pass_refused("prune.weight", none, R"({"train": {"epochs": 1}})").find("training data") != std::string::npos);
}

TEST_CASE("what would end with the weights of another step is refused") {
  const Pass* pass = find_pass("prune.weight");
  CHECK_FALSE(pass->check({{"train", {{"ema", 0.9}}}}, ""));
  CHECK_FALSE(pass->check({{"train", {{"held_out", 0.1}, {"patience", 2}}}}, ""));
  CHECK_FALSE(pass->check({{"train", {{"begin", 0.5}, {"end", 0.2}}}}, ""));
  CHECK(pass->check({{"train", {{"epochs", 2}}}}, ""));
}

TEST_CASE("a layer with all or none of its weights pruned trains on") {
  Module none = classifier(), all = classifier();
  CHECK_FALSE(pruned(none, recipe({{"epochs", 2}}, {{"ratio", 0}})).changed);
  pruned(all, recipe({{"epochs", 4}}, {{"ratio", 1}}));
  CHECK(weight_of(all, "w") == std::vector<double>{0, 0, 0, 0});
}
