// What training owes a hook (engine/training/hook.h): when it is called, with what, and that its state survives a kill.
#include "base/files.h"
#include "base/interrupt.h"
#include "engine/train.h"
#include "engine/training/hook.h"
#include "tests/engine/toy_data.h"

#include <ATen/ops/zeros_like.h>

using namespace fastc;
using namespace fastc::test;

namespace {

// Pulls w2 towards zero (penalty), keeps w1[0] at zero (after_update), and adds up |gradient| of w1 in a state of its own.
class Recorder final : public TrainHook {
 public:
  std::string name() const override { return "recorder"; }
  void begin(const Weights& weights) override {
    calls += 'b';
    sum_ = at::zeros_like(weights.at("w1").detach());
  }
  at::Tensor penalty(const Weights& weights, Position position) override {
    calls += 'p';
    last = position;
    return weights.at("w2").square().sum().mul(0.5);
  }
  void before_update(const Weights& weights, Position) override {
    calls += 'g';
    sum_.add_(weights.at("w1").grad().abs());
  }
  void after_update(const Weights& weights, Position) override {
    calls += 'u';
    weights.at("w1").detach()[0].zero_();
  }
  Weights state() override { return {{"sum", sum_}}; }

  std::string calls;
  Position last;
  double sum() const { return sum_.sum().item<double>(); }

 private:
  at::Tensor sum_;
};

}  // namespace

TEST_CASE("a hook is asked before the first step, for each batch, and around each update") {
  Recorder hook;
  Module m = toy_network();
  REQUIRE(train(m, ToyData(32), *cross_entropy(), quick(1), {.seed = 3, .hook = &hook}));
  CHECK(hook.calls == "bpgupgu");
  CHECK(hook.last.step == 1);
  CHECK(hook.last.total == 2);
  const auto w1 = to_doubles(m.weights.find("w1")->second.data);
  for (size_t i = 0; i < 9; ++i) CHECK(w1[i] == 0);
  CHECK(w1[9] != 0);
  hook.calls.clear();
  TrainOptions grouped = quick(1);
  grouped.accumulate = 2;
  REQUIRE(train(m, ToyData(48), *cross_entropy(), grouped, {.seed = 3, .hook = &hook}));
  CHECK(hook.calls == "bppgupgu");  // three batches: a group of two, and one that is left over
}

TEST_CASE("a hook's penalty is part of the loss and of the gradient") {
  Recorder hook;
  Module with = toy_network(), without = toy_network();
  TrainOptions o = quick(1);
  o.steps = 1;
  o.optimizer = {.type = "sgd", .lr = 0.1, .momentum = 0};
  o.schedule.type = "constant";
  const auto a = train(with, ToyData(32), *cross_entropy(), o, {.seed = 3, .hook = &hook}), b = train(without, ToyData(32), *cross_entropy(), o, {.seed = 3});
  REQUIRE((a && b));
  const auto start = to_doubles(toy_network().weights.find("w2")->second.data), x = to_doubles(with.weights.find("w2")->second.data),
             y = to_doubles(without.weights.find("w2")->second.data);
  double penalty = 0;
  for (size_t i = 0; i < start.size(); ++i) {
    CHECK(x[i] == Approx(y[i] - 0.1 * start[i]).margin(1e-6));  // d ½w² / dw = w
    penalty += 0.5 * start[i] * start[i];
  }
  CHECK(a->curve[0].loss == Approx(b->curve[0].loss + penalty));
}

TEST_CASE("a hook's state is found again after a kill") {
  auto folder = TempDir::make();
  REQUIRE(folder);
  const TrainContext context{.seed = 3, .checkpoint_folder = folder->path().string()};
  Recorder whole, killed, resumed;
  Module a = toy_network(), b = toy_network();
  TrainContext c = context;
  c.checkpoint_folder.clear(), c.hook = &whole;
  REQUIRE(train(a, ToyData(100), *cross_entropy(), quick(4), c));
  c = context, c.hook = &killed;
  REQUIRE_FALSE(train(b, ToyData(100, false, true, false, /*stop_at_batch=*/17), *cross_entropy(), quick(4), c));
  set_interrupted(false);
  c.hook = &resumed;
  const auto report = train(b, ToyData(100), *cross_entropy(), quick(4), c);
  REQUIRE(report);
  CHECK(report->resumed_epochs == 2);
  CHECK(resumed.sum() == whole.sum());
  CHECK(equal(a.weights.find("w1")->second.data, b.weights.find("w1")->second.data));
}
