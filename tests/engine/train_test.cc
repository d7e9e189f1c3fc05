#include <limits>

#include "base/files.h"
#include "base/interrupt.h"
#include "engine/train.h"
#include "tests/engine/toy_data.h"

using namespace fastc;
using namespace fastc::test;

namespace {

TrainOptions quick(int64_t epochs) {
  TrainOptions o;
  o.epochs = epochs;
  o.batch_size = 16;
  o.optimizer.lr = 0.02;
  return o;
}

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
  for (const char* type : {"adam", "sgd"}) {
    auto folder = TempDir::make();
    REQUIRE(folder.has_value());
    TrainOptions o = quick(4);
    o.optimizer.type = type;
    whole = toy_network();
    REQUIRE(train(whole, data, *cross_entropy(), o, {.seed = 3}).has_value());
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
    CHECK(resumed->curve.size() == 4);
    CHECK(same_weights(part, whole));
    // Another learning rate is another run: it does not take over.
    o.optimizer.lr *= 2;
    Module other = toy_network();
    CHECK(train(other, data, *cross_entropy(), o, context)->resumed_epochs == 0);
  }
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
