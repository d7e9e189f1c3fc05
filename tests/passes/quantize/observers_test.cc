#include "passes/quantize/observers.h"

#include <cmath>
#include <limits>

#include "base/random.h"
#include "tests/catch.h"

using namespace fastc;
using namespace fastc::quantize;

namespace {

Quant observe(const std::vector<float>& values, const RangeOptions& options) {
  Observed observed;
  observed.widen(values);
  observed.count(values);
  return observed.quant(options);
}

// Mean squared error of quantizing these values.
double error_of(const std::vector<float>& values, const Quant& q) {
  double sum = 0;
  for (const float v : values) {
    const double level = std::min(255.0, std::max(0.0, std::nearbyint(double(v) / q.scale) + q.zero_point));
    sum += std::pow(v - (level - q.zero_point) * q.scale, 2);
  }
  return sum / static_cast<double>(values.size());
}

std::vector<float> bell_with_outlier() {
  Random random(3);
  std::vector<float> values(100000);
  for (float& v : values) v = static_cast<float>(random.normal());
  values[500] = 100;
  return values;
}

}  // namespace

TEST_CASE("a range becomes scale and zero point, and always holds 0") {
  CHECK(quant_of_range(0, 255) == Quant{1, 0});
  CHECK(quant_of_range(-128, 127) == Quant{1, 128});
  CHECK(quant_of_range(-255, 0) == Quant{1, 255});
  CHECK(quant_of_range(51, 102) == Quant{0.4F, 0});
  CHECK(quant_of_range(-1, -0.5).zero_point == 255);
  CHECK(quant_of_range(0, 0) == Quant{1, 0});
  CHECK(quant_of_range(0, 1e-40) == Quant{1, 0});
}

TEST_CASE("min_max takes everything seen; after relu the zero point is 0") {
  CHECK(observe({-1, 0, 1.55F}, {"min_max"}) == Quant{0.01F, 100});
  CHECK(observe({0, 0.5F, 2.55F}, {"min_max"}).zero_point == 0);
  CHECK(observe({0, 0, 0}, {"percentile"}) == Quant{1, 0});
  CHECK(Observed().quant({}) == Quant{1, 0});
}

TEST_CASE("an outlier does not decide the range of percentile and mse") {
  const auto values = bell_with_outlier();
  const double widest = error_of(values, observe(values, {"min_max"}));
  const double percentile = error_of(values, observe(values, {"percentile", 99.99}));
  const double best = error_of(values, observe(values, {"mse"}));
  CHECK(observe(values, {"min_max"}).scale > 0.3);
  CHECK(observe(values, {"percentile", 99.99}).scale < 0.06);
  CHECK(best <= widest);
  // Cutting one value of 100 costs more squared error than it wins for the others: mse knows, percentile does not.
  CHECK(percentile > best);
}

TEST_CASE("percentile 100 is everything, and a one-sided range is cut at its far end only") {
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  CHECK(observe(values, {"percentile", 100}) == observe(values, {"min_max"}));
  const Quant q = observe(values, {"percentile", 90});
  CHECK(q.zero_point == 0);
  CHECK(q.scale * 255 == Approx(900).margin(2));
}

TEST_CASE("NaN and infinity are noticed") {
  Observed observed;
  observed.widen(std::vector<float>{1, 2});
  CHECK(observed.finite());
  observed.widen(std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
  CHECK_FALSE(observed.finite());
  Observed infinite;
  infinite.widen(std::vector<float>{std::numeric_limits<float>::infinity()});
  CHECK_FALSE(infinite.finite());
}

TEST_CASE("weights: one scale per channel, symmetric, zeros stay zeros") {
  const Weight dense{Tensor::of<float>({3, 2}, {1.27F, -0.635F, 0, 0, -254, 3}), {}, true};
  const Weight q = quantize_weight(dense, {});
  CHECK(equal(q.data, Tensor::of<int8_t>({3, 2}, {127, -64, 0, 0, -127, 2})));
  CHECK(equal(q.encoding.scales, Tensor::of<float>({3}, {0.01F, 1, 2})));
  REQUIRE(check_weight(q));
  // A lower bound makes a channel coarser.
  const Weight coarse = quantize_weight(dense, {}, std::vector<double>{0.1, 0.5, 0});
  CHECK(equal(coarse.encoding.scales, Tensor::of<float>({3}, {0.1F, 0.5F, 2})));
  CHECK(coarse.data.values<int8_t>()[0] == 13);
}

TEST_CASE("weights: mse is never worse than max") {
  Random random(5);
  Tensor data = Tensor::zeros(DType::kF32, {1, 4096});
  for (float& v : data.mutable_values<float>()) v = static_cast<float>(random.normal());
  data.mutable_values<float>()[0] = 8;  // an outlier
  const auto error = [&](const char* observer) {
    const Weight q = quantize_weight({data, {}, true}, {observer});
    const auto real = to_doubles(decode(q).value()), from = to_doubles(data);
    double sum = 0;
    for (size_t i = 0; i < real.size(); ++i) sum += std::pow(real[i] - from[i], 2);
    return sum;
  };
  CHECK(error("mse") <= error("max"));
}
