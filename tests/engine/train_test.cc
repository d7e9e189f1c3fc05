#include <limits>

#include "base/files.h"
#include "base/interrupt.h"
#include "engine/train.h"
#include "tests/engine/toy_data.h"

using namespace fastc;
using namespace fastc::test;

namespace {

Tensor weight(const Module& m, const char* name) { return m.weights.find(name)->second.data; }

bool same_weights(const Module& a, const Module& b) {
  for (const auto& [name, w] : a.weights)
    if (!equal(w.data, b.weights.find(name)->second.data)) return false;
  return true;
}

}  // namespace

TEST_CASE("a small network learns, the same each time") {
  const Module start = toy_network();
  const ToyData data(100);
  Module a = start, b = start, c = start;
  const auto report = train(a, data, *cross_entropy(), quick(12), {.seed = 3, .threads = 2});
  if (!report) FAIL(report.error().message);
  CHECK(report->curve.size() == 12);
  CHECK(report->steps == 12 * 7);
  CHECK(report->curve.back().loss < 0.5 * report->curve.front().loss);
  CHECK(report->curve.back().accuracy.value() > 0.9);
  CHECK_FALSE(equal(weight(a, "mean"), weight(start, "mean")));  // running statistics moved
  CHECK(same_weights(start, toy_network()));                      // the shared weights of other copies did not
  REQUIRE(train(b, data, *cross_entropy(), quick(12), {.seed = 3, .threads = 2}).has_value());
  CHECK(same_weights(a, b));
  REQUIRE(train(c, data, *cross_entropy(), quick(12), {.seed = 4, .threads = 2}).has_value());
  CHECK_FALSE(same_weights(a, c));
}

TEST_CASE("frozen batch norm keeps the running statistics; zero epochs change nothing") {
  Module m = toy_network();
  TrainOptions o = quick(1);
  o.batch_norm = "frozen";
  REQUIRE(train(m, ToyData(40), *cross_entropy(), o, {.seed = 3}).has_value());
  CHECK(equal(weight(m, "mean"), weight(toy_network(), "mean")));
  CHECK_FALSE(equal(weight(m, "w1"), weight(toy_network(), "w1")));
  m = toy_network();
  REQUIRE(train(m, ToyData(40), *cross_entropy(), quick(0), {.seed = 3}).has_value());
  CHECK(same_weights(m, toy_network()));
}

TEST_CASE("running statistics follow their formula") {
  // One batch of x = 1, 3 a channel: mean 2, unbiased variance 2; momentum 0.5 from (0, 1): (1, 1.5).
  Module m = module_of(R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 64] {
    @g : f32[1] = [1]
    @b : f32[1] = [0]
    @mean : f32[1] buffer = [0]
    @var : f32[1] buffer = [1]
    %n = batch_norm(%x, @g, @b, @mean, @var) {eps=0.0, momentum=0.5}
    %y = concat(%n, %n) {axis=1}
  })");
  const TableData data({{1}, {3}}, {0, 1});
  REQUIRE(train(m, data, *cross_entropy(), quick(1), {}).has_value());
  check_close(weight(m, "mean"), f32({1}, {1}));
  check_close(weight(m, "var"), f32({1}, {1.5f}));
}

TEST_CASE("a sparsity pattern outlives training") {
  Module m = toy_network();
  Weight& w = m.weights.find("w1")->second;
  w.encoding.sparsity = Encoding::Sparsity::kUnstructured;
  auto values = w.data.mutable_values<float>();
  for (size_t i = 0; i < values.size(); i += 2) values[i] = 0;
  REQUIRE(train(m, ToyData(40), *cross_entropy(), quick(2), {.seed = 3}).has_value());
  const auto trained = to_doubles(weight(m, "w1"));
  for (size_t i = 0; i < trained.size(); ++i) {
    CAPTURE(i);
    CHECK((trained[i] == 0) == (i % 2 == 0));
  }
}

TEST_CASE("distillation brings a student to its teacher") {
  Module teacher = toy_network();
  const ToyData data(100);
  REQUIRE(train(teacher, data, *cross_entropy(), quick(12), {.seed = 3}).has_value());
  for (const bool augment : {false, true}) {  // teacher outputs kept, or computed anew
    Module student = toy_network();
    const ToyData samples(100, augment, /*labels=*/false);
    const auto report = train(student, samples, *distillation(1, 2), quick(15), {.seed = 5, .teacher = &teacher});
    if (!report) FAIL(report.error().message);
    CHECK(report->curve.back().loss < 0.2 * report->curve.front().loss);
    CHECK(report->curve.back().accuracy.value() > 0.9);
  }
  Module matched = toy_network();
  const auto report = train(matched, data, *match_outputs(), quick(15), {.seed = 5, .teacher = &teacher});
  REQUIRE(report.has_value());
  CHECK(report->curve.back().loss < 0.3 * report->curve.front().loss);
}

TEST_CASE("kept teacher outputs are those that would be computed") {
  Module teacher = toy_network();
  REQUIRE(train(teacher, ToyData(60), *cross_entropy(), quick(3), {.seed = 3}).has_value());
  Module kept = toy_network(), computed = toy_network();
  TrainOptions o = quick(3);
  const ToyData plain(60, false), drawing(60, false, true, /*draws=*/true);  // draws a number, changes nothing
  REQUIRE(train(kept, plain, *distillation(0.5, 2), o, {.seed = 5, .teacher = &teacher}).has_value());
  REQUIRE(train(computed, drawing, *distillation(0.5, 2), o, {.seed = 5, .teacher = &teacher}).has_value());
  // A batch put together otherwise may differ in the last bit of the teacher's sums.
  check_close(weight(kept, "w1"), weight(computed, "w1"), 1e-4);
}

TEST_CASE("an interrupted run resumes and ends as if it had not been") {
  const ToyData data(100);
  Module whole = toy_network();
  for (const char* type : {"adam", "sgd", "adafactor"}) {
    auto folder = TempDir::make();
    REQUIRE(folder.has_value());
    TrainOptions o = quick(4);
    o.optimizer.type = type;
    o.accumulate = 3;
    o.ema = 0.9, o.held_out = 0.05, o.patience = 4;
    whole = toy_network();
    const auto at_once = train(whole, data, *cross_entropy(), o, {.seed = 3});
    REQUIRE(at_once.has_value());
    Module part = toy_network();
    const ToyData stopping(100, false, true, false, /*stop_at_batch=*/17);  // in the third epoch
    const TrainContext context{.seed = 3, .checkpoint_folder = folder->path().string()};
    const auto stopped = train(part, stopping, *cross_entropy(), o, context);
    set_interrupted(false);
    REQUIRE_FALSE(stopped.has_value());
    CHECK(stopped.error().cls == ErrorClass::kInterrupted);
    CHECK(same_weights(part, toy_network()));
    const auto resumed = train(part, data, *cross_entropy(), o, context);
    REQUIRE(resumed.has_value());
    CHECK(resumed->resumed_epochs == 2);
    REQUIRE(resumed->curve.size() == 4);
    for (size_t i = 0; i < 4; ++i) {
      CHECK(resumed->curve[i].loss == at_once->curve[i].loss);
      CHECK(resumed->curve[i].held_out_loss == at_once->curve[i].held_out_loss);
    }
    CHECK(same_weights(part, whole));
    // Another learning rate is another run: it does not take over.
    o.optimizer.lr *= 2;
    Module other = toy_network();
    CHECK(train(other, data, *cross_entropy(), o, context)->resumed_epochs == 0);
  }
}

TEST_CASE("gradients of two batches averaged are those of one of twice the size") {
  const TableData data({{1, 0}, {2, 1}, {-1, 1}, {0, 3}, {1, 1}, {-2, 0}, {1, -1}, {0.5f, 2}}, {0, 1, 0, 1, 1, 0, 0, 1});
  const auto start = [] { return module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
    @w : f32[2,2] = random(1)
    %y = linear(%x, @w) })"); };
  TrainOptions o;
  o.epochs = 3, o.batch_size = 8, o.optimizer = {.type = "sgd", .lr = 0.5, .momentum = 0.9}, o.schedule.type = "constant";
  Module whole = start(), grouped = start(), ended = start();
  REQUIRE(train(whole, data, *cross_entropy(), o, {.seed = 3}).has_value());
  o.batch_size = 4, o.accumulate = 2;
  REQUIRE(train(grouped, data, *cross_entropy(), o, {.seed = 3}).has_value());
  check_close(weight(grouped, "w"), weight(whole, "w"), 1e-6);
  // A group that the run's end cuts short is averaged over the batches it has.
  o.batch_size = 8, o.accumulate = 5, o.steps = 1;
  REQUIRE(train(ended, data, *cross_entropy(), o, {.seed = 3}).has_value());
  Module one = start();
  o.accumulate = 1;
  REQUIRE(train(one, data, *cross_entropy(), o, {.seed = 3}).has_value());
  CHECK(same_weights(ended, one));
}

TEST_CASE("the running mean of the weights is what ships") {
  TrainOptions o = quick(1);
  o.steps = 1, o.optimizer = {.type = "sgd", .lr = 0.5, .momentum = 0}, o.schedule.type = "constant";
  Module plain = toy_network(), mean = toy_network();
  REQUIRE(train(plain, ToyData(40), *cross_entropy(), o, {.seed = 3}).has_value());
  o.ema = 0.9;
  REQUIRE(train(mean, ToyData(40), *cross_entropy(), o, {.seed = 3}).has_value());
  // After the first update the decay is min(0.9, 2/11).
  for (const char* name : {"w1", "mean", "b2"}) {
    const auto before = to_doubles(weight(toy_network(), name)), after = to_doubles(weight(plain, name)), found = to_doubles(weight(mean, name));
    for (size_t i = 0; i < before.size(); ++i) CHECK(found[i] == Approx(before[i] * 2 / 11 + after[i] * 9 / 11).margin(1e-6));
  }
}

TEST_CASE("training stops once the held-out data gain nothing, and goes back to the best epoch") {
  const ToyData data(100);
  TrainOptions o = quick(50);
  o.held_out = 0.2, o.patience = 3;
  o.optimizer = {.type = "sgd", .lr = 0, .momentum = 0};
  o.batch_norm = "frozen";
  Module still = toy_network();
  const auto report = train(still, data, *cross_entropy(), o, {.seed = 3});
  REQUIRE(report.has_value());
  CHECK(report->curve.size() == 4);  // nothing changes: epoch 1 is the best, and three more are waited for
  CHECK(report->best_epoch == 1);
  CHECK(report->curve[0].held_out_loss == report->curve[3].held_out_loss);
  CHECK(report->steps == 4 * 5);  // 80 of the 100 samples are trained on

  o = quick(8);
  o.held_out = 0.2, o.patience = 8, o.schedule.type = "constant", o.optimizer.lr = 0.3;  // too fast: the last epoch is not the best
  for (const double ema : {0.0, 0.8}) {
    o.ema = ema;
    Module best = toy_network(), until = toy_network();
    const auto whole = train(best, data, *cross_entropy(), o, {.seed = 3});
    REQUIRE(whole.has_value());
    for (const EpochRow& row : whole->curve) CHECK(*row.held_out_loss >= *whole->curve[whole->best_epoch - 1].held_out_loss);
    TrainOptions shorter = o;
    shorter.epochs = whole->best_epoch, shorter.patience = 0;
    REQUIRE(whole->best_epoch < 8);
    REQUIRE(train(until, data, *cross_entropy(), shorter, {.seed = 3}).has_value());
    CHECK(same_weights(best, until));
  }
  o.held_out = 0;
  CHECK(train(still, data, *cross_entropy(), o, {}).error().message == "patience: expected \"held_out\" above 0 beside it, so that there is data to judge on, found 0");
}

TEST_CASE("two networks that teach each other take the step of each from the other's answer") {
  const auto with = [](std::initializer_list<float> w) {
    Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
      @w : f32[2,2] = zeros
      %y = linear(%x, @w) })");
    m.weights.find("w")->second.data = f32({2, 2}, w);
    return m;
  };
  Module a = with({0, 0, 0, 0}), b = with({2, 0, 0, 0});
  TrainOptions o;
  o.epochs = 1, o.optimizer = {.type = "sgd", .lr = 1, .momentum = 0}, o.schedule.type = "constant";
  const auto reports = train_together(a, b, TableData({{1, 0}}, {1}), *soft_kl(1), o, {.seed = 3});
  REQUIRE(reports.has_value());
  // Answers (½, ½) and (p, 1−p), p = σ(2): d KL(q ‖ own) / dy = own − q.
  const double p = 1 / (1 + std::exp(-2.0));
  check_close(weight(a, "w"), f32({2, 2}, {static_cast<float>(p - 0.5), 0, static_cast<float>(0.5 - p), 0}));
  check_close(weight(b, "w"), f32({2, 2}, {static_cast<float>(2 - (p - 0.5)), 0, static_cast<float>(p - 0.5), 0}));
  CHECK((*reports)[0].curve[0].loss == Approx(p * std::log(2 * p) + (1 - p) * std::log(2 * (1 - p))));
  CHECK((*reports)[0].curve[0].accuracy == 0);  // the label is 1
}

TEST_CASE("two networks that teach each other resume as one run") {
  auto folder = TempDir::make();
  REQUIRE(folder.has_value());
  const auto other = [] {
    Module m = toy_network();
    Random random(77);
    m.weights.find("w1")->second.data = Tensor::zeros(DType::kF32, {4, 1, 3, 3});
    for (float& v : m.weights.find("w1")->second.data.mutable_values<float>()) v = static_cast<float>(random.uniform(-1, 1));
    return m;
  };
  const std::vector<LossOptions> both{{"cross_entropy", 1}, {"soft_kl", 1, 1}};
  Module a = toy_network(), b = other(), c = toy_network(), d = other();
  REQUIRE(train_together(a, b, ToyData(100), *weighted_sum(both), quick(4), {.seed = 3}).has_value());
  const TrainContext context{.seed = 3, .checkpoint_folder = folder->path().string()};
  REQUIRE_FALSE(train_together(c, d, ToyData(100, false, true, false, 17), *weighted_sum(both), quick(4), context).has_value());
  set_interrupted(false);
  const auto resumed = train_together(c, d, ToyData(100), *weighted_sum(both), quick(4), context);
  REQUIRE(resumed.has_value());
  CHECK((*resumed)[1].resumed_epochs == 2);
  CHECK(same_weights(a, c));
  CHECK(same_weights(b, d));
  CHECK_FALSE(same_weights(a, b));
}

TEST_CASE("hidden values of a teacher are learned, through a projection where widths differ") {
  const auto network = [](int channels) {
    return module_of(fmt::format(R"(module m (%x : f32[N,1,4,4]) -> (%y) symbols N in [1, 4096] {{
      @w1 : f32[{0},1,3,3] = random(1)
      @w2 : f32[2,{1}] = random(2)
      %c = conv(%x, @w1) {{stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}}
      %r = relu(%c)
      %f = reshape(%r) {{shape=[N, {1}]}}
      %y = linear(%f, @w2)
    }})", channels, channels * 16));
  };
  const Module teacher = network(6);
  for (const char* type : {"mse", "cosine", "attention_map", "similarity"}) {
    CAPTURE(type);
    Module student = network(3);
    const Tensor head = weight(student, "w2");
    const auto loss = multi_level(nullptr, {type, 1, {{"r", "r", 3, 6}}}, 5);
    const auto report = train(student, ToyData(100, false, /*labels=*/false), *loss, quick(15), {.seed = 5, .teacher = &teacher});
    if (!report) FAIL(report.error().message);
    CHECK(report->curve.back().loss < 0.7 * report->curve.front().loss);
    CHECK(equal(weight(student, "w2"), head));  // behind the level: no gradient, no change
  }
  Module student = network(3);
  const auto wrong = multi_level(nullptr, {"mse", 1, {{"r", "q", 3, 6}}}, 5);
  CHECK(train(student, ToyData(40), *wrong, quick(1), {.teacher = &teacher}).error().message == "no node of m is called \"q\"; fastc inspect MODEL --text lists them");
}

TEST_CASE("a damaged checkpoint is told") {
  auto folder = TempDir::make();
  REQUIRE(folder.has_value());
  REQUIRE(write_atomic(folder->path() / "training.npz", "not a zip").has_value());
  Module m = toy_network();
  const auto report = train(m, ToyData(40), *cross_entropy(), quick(1), {.checkpoint_folder = folder->path().string()});
  REQUIRE_FALSE(report.has_value());
  CHECK_THAT(report.error().message, Catch::Matchers::Contains("training.npz"));
}

TEST_CASE("a loss that is not finite ends training with a sentence, and the module as it was") {
  Module m = toy_network();
  TrainOptions o = quick(3);
  o.optimizer.type = "sgd";
  o.optimizer.lr = 1e30;
  const auto report = train(m, ToyData(40), *cross_entropy(), o, {.seed = 3});
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().cls == ErrorClass::kStage);
  CHECK_THAT(report.error().message, Catch::Matchers::Contains("a lower learning rate"));
  CHECK(same_weights(m, toy_network()));
}

TEST_CASE("what cannot be trained is told") {
  Module m = toy_network();
  CHECK(train(m, ToyData(40, false, false), *cross_entropy(), quick(1), {}).error().message == "training needs labels, and the training data has none");
  CHECK(train(m, ToyData(0), *cross_entropy(), quick(1), {}).error().message == "training needs samples, and the training data has none");
  Module frozen = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
    @w : f32[2,2] buffer = [[1, 2], [3, 4]]
    %y = linear(%x, @w) })");
  CHECK(train(frozen, TableData({{1, 2}}, {0}), *cross_entropy(), quick(1), {}).error().message == "the network has no float weight that could be trained");
}
