#include "passes/prune/loss.h"

#include <cmath>
#include <limits>

#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::prune;

TEST_CASE("with labels the loss is cross entropy, for every row of scores, however large") {
  const Tensor scores = Tensor::of<float>({2, 2}, {0, 0, 1000, 0});
  const auto loss = loss_of(scores, Tensor::of<int64_t>({2}, {1, 0}), scores);
  REQUIRE(loss);
  CHECK(*loss == Approx(std::log(2.0) / 2));
  const Tensor positions = Tensor::of<float>({1, 2, 2}, {0, 0, 0, 1});
  CHECK(*loss_of(positions, Tensor::of<int64_t>({1, 2}, {0, 1}), positions) == Approx((std::log(2.0) + std::log(1 + std::exp(-1.0))) / 2));
}

TEST_CASE("without labels it is the squared relative change") {
  const Tensor reference = Tensor::of<float>({1, 2}, {3, 4}), output = Tensor::of<float>({1, 2}, {3, 1});
  CHECK(*loss_of(output, {}, reference) == Approx(9 / 25.0));
  CHECK(*relative_change(output, reference) == Approx(3 / 5.0));
}

TEST_CASE("outputs and labels that do not fit are named") {
  const Tensor scores = Tensor::of<float>({1, 2}, {0, 0});
  CHECK(loss_of(scores, Tensor::of<int64_t>({1}, {2}), scores).error().message == "expected labels from 0 to 1, found 2");
  CHECK(loss_of(scores, Tensor::of<int64_t>({2}, {0, 1}), scores).error().message.find("expected 1 labels (i64), one for each row of scores, found 2") == 0);
  const Tensor nan = Tensor::of<float>({1, 2}, {std::numeric_limits<float>::quiet_NaN(), 0});
  CHECK(loss_of(nan, {}, scores).error().message.find("expected finite outputs") == 0);
  CHECK(relative_change(Tensor::of<float>({1}, {1}), scores).error().message.find("expected 2 numbers") == 0);
}
