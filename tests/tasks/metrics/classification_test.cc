#include <cmath>

#include "tasks/metrics/metrics.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Batch labelled(std::initializer_list<int64_t> labels) {
  return {{}, Tensor::of<int64_t>({static_cast<int64_t>(labels.size())}, labels), static_cast<int64_t>(labels.size())};
}

}  // namespace

TEST_CASE("accuracy counts the largest value, the first of equals, and never a NaN") {
  const auto metric = classification_metric();
  const Tensor scores = Tensor::of<float>({4, 3}, {1, 2, 0, 5, 5, 1, 5, 5, 1, NAN, 9, 1});
  REQUIRE(metric->add(labelled({1, 0, 1, 1}), std::span(&scores, 1), {}));
  CHECK(metric->values() == std::map<std::string, double>{{"accuracy", 0.5}, {"correct", 2}, {"total", 4}});
}

TEST_CASE("top5 is told where there are more than five classes") {
  const auto metric = classification_metric();
  const Tensor scores = Tensor::of<float>({2, 6, 1, 1}, {6, 5, 4, 3, 2, 1, 6, 5, 4, 3, 2, 1});
  REQUIRE(metric->add(labelled({4, 5}), std::span(&scores, 1), {}));
  CHECK(metric->values().at("top5") == 0.5);
  CHECK(metric->values().at("correct") == 0);
}

TEST_CASE("macro F1 is the mean over the classes that occur as label or answer") {
  const auto metric = text_classification_metric();
  // Labels 0 0 1 1, answers 0 1 1 nothing (NaN); class 2 never occurs. F1: 2·1/(2·1+0+1) = 2/3 and 2·1/(2·1+1+1) = 1/2.
  const Tensor scores = Tensor::of<float>({4, 3}, {2, 1, 0, 1, 2, 0, 1, 2, 0, NAN, 2, 0});
  REQUIRE(metric->add(labelled({0, 0, 1, 1}), std::span(&scores, 1), {}));
  CHECK(metric->values().at("macro_f1") == Approx((2.0 / 3 + 0.5) / 2));
  CHECK(metric->values().at("accuracy") == 0.5);
  CHECK(text_classification_metric()->values().at("macro_f1") == 0);
}

TEST_CASE("outputs and labels that do not fit are named") {
  const auto metric = classification_metric();
  const Tensor scores = Tensor::of<float>({1, 3}, {1, 2, 3}), flat = Tensor::of<float>({3}, {1, 2, 3}), ints = Tensor::of<int64_t>({1, 3}, {1, 2, 3});
  CHECK(metric->add(labelled({3}), std::span(&scores, 1), {}).error().message ==
        "expected labels from 0 to 2, as the network has 3 classes, found 3");
  CHECK(metric->add(labelled({1}), std::span(&flat, 1), {}).error().message ==
        "expected the network's first output to be f32[1,classes] for image_classification, found f32[3]");
  CHECK(metric->add(labelled({1}), std::span(&ints, 1), {}).error().message ==
        "expected the network's first output to be f32[1,classes] for image_classification, found i64[1,3]");
  CHECK(metric->add({{}, {}, 1}, std::span(&scores, 1), {}).error().message == "expected data with labels, found none");
  CHECK(metric->values().at("total") == 0);
}
