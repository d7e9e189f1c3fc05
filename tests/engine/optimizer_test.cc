// Optimizers, schedules and losses against steps computed by hand.
#include <ATen/ops/tensor.h>

#include "engine/training/losses.h"
#include "engine/training/optimizer.h"
#include "engine/training/schedule.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

at::Tensor vector_of(std::initializer_list<double> values) { return at::tensor(at::ArrayRef<double>(values.begin(), values.size())); }

// One weight that starts at 1, the given gradients step by step.
std::vector<double> walk(const OptimizerOptions& options, std::initializer_list<double> gradients) {
  at::Tensor w = vector_of({1}).set_requires_grad(true);
  const auto optimizer = engine::make_optimizer(options, {w});
  std::vector<double> values;
  for (const double g : gradients) {
    w.mutable_grad() = vector_of({g});
    optimizer->step(options.lr);
    values.push_back(w.item<double>());
  }
  return values;
}

at::Tensor scores() { return vector_of({1, 2, 3, 0, 0, 0}).reshape({2, 3}); }

double value(const Loss& loss, const at::Tensor& y, const at::Tensor& t, const at::Tensor& labels) {
  const std::vector<at::Tensor> outputs{y}, teacher{t};
  const auto result = loss({outputs, teacher, labels});
  REQUIRE(result.has_value());
  return result->item<double>();
}

}  // namespace

TEST_CASE("sgd, momentum, nesterov, decay") {
  OptimizerOptions o{.type = "sgd", .lr = 0.1, .momentum = 0};
  CHECK(walk(o, {2, -1})[1] == Approx(0.9));                      // 1 − 0.2 + 0.1
  o.momentum = 0.5;
  CHECK(walk(o, {2, -1})[1] == Approx(0.8));                      // b = 2, then 0: 0.8, 0.8
  o.nesterov = true;
  CHECK(walk(o, {2, -1})[1] == Approx(0.8));                      // g + μb = 3, then −1 + 0: 0.7, 0.8
  o = {.type = "sgd", .lr = 0.1, .weight_decay = 0.5, .momentum = 0};
  CHECK(walk(o, {2})[0] == Approx(0.75));                         // g = 2 + 0.5
}

TEST_CASE("adam and adamw") {
  OptimizerOptions o{.type = "adam", .lr = 0.1};
  o.eps = 1e-12;
  // Step 1: m̂ = g, v̂ = g²: the sign. Step 2 with −1: m = 0.9·0.2 − 0.1 = 0.08, /0.19; v = 0.999·0.004 + 0.001 = 0.004996, /0.001999.
  const auto w = walk(o, {2, -1});
  CHECK(w[0] == Approx(0.9));
  CHECK(w[1] == Approx(0.9 - 0.1 * (0.08 / 0.19) / std::sqrt(0.004996 / 0.001999)));
  o.weight_decay = 0.5;
  CHECK(walk(o, {2})[0] == Approx(0.9));                          // still the sign
  o.type = "adamw";
  CHECK(walk(o, {2})[0] == Approx(1 - 0.1 * 0.5 - 0.1));
}

TEST_CASE("a weight without a gradient stays, and clipping looks at all weights") {
  at::Tensor a = vector_of({1}).set_requires_grad(true), b = vector_of({1, 1}).set_requires_grad(true), c = vector_of({5}).set_requires_grad(true);
  a.mutable_grad() = vector_of({3}), b.mutable_grad() = vector_of({0, 4});
  CHECK(engine::clip_gradients({a, b, c}, 1) == Approx(5));
  CHECK(a.grad().item<double>() == Approx(0.6));
  CHECK(b.grad()[1].item<double>() == Approx(0.8));
  engine::make_optimizer({}, {a, b, c})->step(0.1);
  CHECK(c.item<double>() == 5);
}

TEST_CASE("schedules") {
  ScheduleOptions o;
  CHECK(engine::schedule_factor(o, 0, 100, 10) == Approx(1));
  CHECK(engine::schedule_factor(o, 50, 100, 10) == Approx(0.5));
  CHECK(engine::schedule_factor(o, 100, 100, 10) == Approx(0).margin(1e-12));
  o.warmup_epochs = 0.5;
  CHECK(engine::schedule_factor(o, 0, 100, 10) == Approx(0.2));
  CHECK(engine::schedule_factor(o, 4, 100, 10) == Approx(1));
  CHECK(engine::schedule_factor(o, 5, 100, 10) == Approx(1));
  o = {.type = "step", .every = 2, .gamma = 0.1};
  CHECK(engine::schedule_factor(o, 19, 100, 10) == Approx(1));
  CHECK(engine::schedule_factor(o, 20, 100, 10) == Approx(0.1));
  o = {.type = "cosine", .floor = 0.1};
  CHECK(engine::schedule_factor(o, 100, 100, 10) == Approx(0.1));
}

TEST_CASE("losses") {
  const at::Tensor labels = at::tensor(at::ArrayRef<int64_t>({2, 0}));
  const double row0 = std::log(std::exp(-2.0) + std::exp(-1.0) + 1), row1 = std::log(3.0);
  const double hard = (row0 + row1) / 2;
  CHECK(value(*cross_entropy(), scores(), {}, labels) == Approx(hard));
  // Teacher: uniform. KL(uniform ‖ p) at T = 2, row 0: −log 3 − mean(log p).
  const double norm = std::log(std::exp(0.5) + std::exp(1.0) + std::exp(1.5));
  const double kl = -std::log(3.0) + norm - 1.0;
  const at::Tensor teacher = vector_of({0, 0, 0, 0, 0, 0}).reshape({2, 3});
  CHECK(value(*distillation(1, 2), scores(), teacher, {}) == Approx(4 * kl / 2));
  CHECK(value(*distillation(0.25, 2), scores(), teacher, labels) == Approx(0.25 * 2 * kl + 0.75 * hard));
  CHECK(value(*distillation(1, 3), scores(), scores(), {}) == Approx(0).margin(1e-12));
  CHECK(value(*match_outputs(), vector_of({1, 2}), vector_of({1, 4}), {}) == Approx(2 / 8.5));
}

TEST_CASE("losses name what does not fit") {
  const std::vector<at::Tensor> y{scores()}, t{vector_of({0, 0}).reshape({1, 2})};
  const auto message = [&](const Loss& loss, const at::Tensor& labels) { return loss({y, t, labels}).error().message; };
  CHECK(message(*cross_entropy(), at::tensor(at::ArrayRef<int64_t>({0, 3}))) == "expected labels in 0..2 (the network has 3 classes), found 3");
  CHECK(message(*cross_entropy(), at::tensor(at::ArrayRef<int64_t>({0}))) == "expected one i64 label for each of 2 score rows, found 1");
  CHECK(message(*cross_entropy(), {}) == "the loss needs labels, and the training data has none");
  CHECK(message(*distillation(1, 2), {}) == "expected teacher and student scores of one shape, found 2 and 3 classes");
}
