#include <cmath>
#include <limits>

#include "tasks/metrics/metrics.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Batch labelled(std::initializer_list<float> labels) {
  return {{}, Tensor::of<float>({static_cast<int64_t>(labels.size())}, labels), static_cast<int64_t>(labels.size())};
}

std::map<std::string, double> score(std::initializer_list<float> right, std::initializer_list<float> found) {
  const auto metric = regression_metric();
  const Tensor output = Tensor::of<float>({static_cast<int64_t>(found.size()), 1}, found);
  REQUIRE(metric->add(labelled(right), std::span(&output, 1), {}));
  return metric->values();
}

}  // namespace

TEST_CASE("errors and correlations, worked out by hand") {
  const auto values = score({1, 2, 3}, {2, 2, 6});  // means 2 and 10/3; Σxy = 4, Σxx = 2, Σyy = 32/3
  CHECK(values.at("mse") == Approx(10.0 / 3));
  CHECK(values.at("mae") == Approx(4.0 / 3));
  CHECK(values.at("pearson") == Approx(4 / std::sqrt(2 * 32.0 / 3)));
  CHECK(values.at("spearman") == Approx(1.5 / std::sqrt(2 * 1.5)));  // ranks 1 2 3 and 1.5 1.5 3
  CHECK(values.at("total") == 3);
  CHECK(values.at("non_finite") == 0);
}

TEST_CASE("ranks see the order only; a constant side and no samples correlate with nothing") {
  CHECK(score({1, 2, 3, 4}, {-1, 0, 5, 1000}).at("spearman") == Approx(1));
  CHECK(score({1, 2, 3, 4}, {8, 4, 2, 1}).at("spearman") == Approx(-1));
  CHECK(score({1, 2, 3}, {5, 5, 5}).at("pearson") == 0);
  CHECK(score({5, 5}, {1, 2}).at("spearman") == 0);
  CHECK(regression_metric()->values().at("mse") == 0);
}

TEST_CASE("answers that are no numbers count as zero and are told") {
  const auto values = score({1, 2}, {NAN, std::numeric_limits<float>::infinity()});
  CHECK(values.at("non_finite") == 2);
  CHECK(values.at("mse") == 2.5);
  CHECK(values.at("pearson") == 0);
}

TEST_CASE("batches add up; what does not fit is named") {
  const auto metric = regression_metric();
  const Tensor first = Tensor::of<float>({1}, {1}), second = Tensor::of<float>({1}, {4}), wide = Tensor::of<float>({1, 2}, {1, 2});
  REQUIRE(metric->add(labelled({1}), std::span(&first, 1), {}));
  REQUIRE(metric->add(labelled({2}), std::span(&second, 1), {}));
  CHECK(metric->values().at("mse") == 2);
  CHECK(metric->add(labelled({1}), std::span(&wide, 1), {}).error().message == "expected the network's first output to be one f32 for each of 1 samples, found 2 of f32");
  CHECK(metric->add({{}, {}, 1}, std::span(&first, 1), {}).error().message == "expected data with numbers as labels, found none");
}
