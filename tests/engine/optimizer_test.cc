// Optimizers and schedules against steps computed by hand.
#include <cmath>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

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

TEST_CASE("adafactor: a vector keeps its squares, relative to the weight's size") {
  OptimizerOptions o{.type = "adafactor", .lr = 0.1};
  // β̂₂ is 0 in step 1: V = g², u = 1. Step 2: V = β·4 + (1−β)·1, u = −1/√V, times the weight's size 0.9.
  const auto w = walk(o, {2, -1});
  const double beta = 1 - std::pow(2, -0.8);
  CHECK(w[0] == Approx(0.9));
  CHECK(w[1] == Approx(0.9 + 0.1 * 0.9 / std::sqrt(beta * 4 + (1 - beta))));
  o.weight_decay = 0.5;
  CHECK(walk(o, {2})[0] == Approx(1 - 0.1 * 0.5 - 0.1));
}

TEST_CASE("adafactor: a matrix keeps the means of its rows and columns") {
  at::Tensor w = vector_of({1, 1, 1, 1}).reshape({2, 2}).detach().set_requires_grad(true);
  const auto optimizer = engine::make_optimizer({.type = "adafactor", .lr = 0.1}, {w});
  w.mutable_grad() = vector_of({1, 2, 3, 4}).reshape({2, 2});
  optimizer->step(0.1);
  // Rows 2.5, 12.5 (mean 7.5), columns 5, 10: V = [[5/3, 10/3], [25/3, 50/3]]; the update's RMS is √0.96, below 1.
  CHECK(w[0][0].item<double>() == Approx(1 - 0.1 * 1 / std::sqrt(5.0 / 3)));
  CHECK(w[1][0].item<double>() == Approx(1 - 0.1 * 3 / std::sqrt(25.0 / 3)));
  CHECK(w[1][1].item<double>() == Approx(1 - 0.1 * 4 / std::sqrt(50.0 / 3)));
}

TEST_CASE("adafactor: all-zero rows, a weight that starts at zero, and an update that is cut to size 1") {
  at::Tensor w = vector_of({0, 0, 0, 0}).reshape({2, 2}).detach().set_requires_grad(true);
  const auto optimizer = engine::make_optimizer({.type = "adafactor", .lr = 0.1}, {w});
  w.mutable_grad() = vector_of({0, 0, 1, 1}).reshape({2, 2});
  optimizer->step(0.1);
  CHECK(w[0][0].item<double>() == 0);
  CHECK(w[1][0].item<double>() == Approx(-0.1 * 1e-3 * 1));  // u = 1, RMS √½; the size of an all-zero weight counts as 1e-3
  // V = β·1e-30 + (1−β)·16 in step 2: u = 4/√V = 1/√(1−β), above 1, and is cut to 1. The size is that after step 1, below 1e-3.
  at::Tensor v = vector_of({0}).set_requires_grad(true);
  const auto second = engine::make_optimizer({.type = "adafactor", .lr = 0.1}, {v});
  v.mutable_grad() = vector_of({0});
  second->step(0.1);
  CHECK(v.item<double>() == 0);
  v.mutable_grad() = vector_of({4});
  second->step(0.1);
  CHECK(v.item<double>() == Approx(-0.1 * 1e-3));
}

TEST_CASE("adafactor's state of a linear 1024x4096 is under 1 % of Adam's") {
  const auto bytes = [](const char* type) {
    const auto optimizer = engine::make_optimizer({.type = type}, {at::zeros({1024, 4096})});
    int64_t sum = 0;
    for (const auto& [name, tensors] : optimizer->state())
      for (const at::Tensor& t : *tensors) sum += static_cast<int64_t>(t.nbytes());
    return sum;
  };
  CHECK(bytes("adam") == 2 * 1024 * 4096 * 4);
  CHECK(bytes("adafactor") == (1024 + 4096) * 4);
  CHECK(100 * bytes("adafactor") < bytes("adam"));
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
