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

TEST_CASE("a symmetric range has its zero in the middle, or at the end where nothing is negative; one of 16 bits is s16") {
  CHECK(quant_of_range(-63.5, 127, 8, true) == Quant{1, 128});
  CHECK(quant_of_range(-254, 3, 8, true) == Quant{2, 128});
  CHECK(quant_of_range(0, 255, 8, true) == Quant{1, 0});
  CHECK(quant_of_range(51, 102, 8, true) == Quant{0.4F, 0});
  CHECK(quant_of_range(-3, -1, 8, true).zero_point == 128);
  CHECK(quant_of_range(0, 0, 8, true) == Quant{1, 0});
  CHECK(quant_of_range(-65534, 5, 16) == Quant{2, 0, 16});
  CHECK(quant_of_range(0, 32767, 16) == Quant{1, 0, 16});
  CHECK(quant_of_range(0, 0, 16) == Quant{1, 0, 16});
  CHECK(observe({-1.27F, 0, 0.5F}, {"min_max", 100, 8, true}) == Quant{0.01F, 128});
  CHECK(observe({-3.2767F, 0, 0.5F}, {"mse", 100, 16}).bits == 16);
  // mse judges the range that symmetric numbers would have: of a bell both give nearly the same one.
  const auto values = bell_with_outlier();
  CHECK(observe(values, {"mse", 100, 8, true}).zero_point == 128);
  CHECK(error_of(values, observe(values, {"mse", 100, 8, true})) <= error_of(values, observe(values, {"min_max", 100, 8, true})));
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

TEST_CASE("moving_average follows the batches' extremes") {
  Observed observed;
  for (const float high : {1.0F, 2.0F, 12.0F}) observed.widen(std::vector<float>{0, high});
  // 1, then 0.9·1 + 0.1·2 = 1.1, then 0.9·1.1 + 0.1·12 = 2.19
  CHECK(observed.quant({"moving_average"}).scale * 255 == Approx(2.19));
  CHECK(observed.quant({"min_max"}).scale * 255 == Approx(12));
  observed.widen({});  // a batch of nothing says nothing
  CHECK(observed.quant({"moving_average"}).scale * 255 == Approx(2.19));
  CHECK_FALSE(needs_counts({"moving_average"}));
  CHECK(needs_counts({"entropy"}));
}

TEST_CASE("entropy cuts off a long empty tail, and nothing of what is even") {
  Random random(7);
  std::vector<float> even(100000), tailed(100000);
  for (float& v : even) v = static_cast<float>(random.uniform());
  for (float& v : tailed) v = std::fabs(static_cast<float>(random.normal()));
  tailed[0] = 40;
  CHECK(observe(even, {"entropy"}).scale * 255 == Approx(1).epsilon(0.01));
  const Quant q = observe(tailed, {"entropy"});
  CHECK(q.zero_point == 0);
  CHECK(q.scale * 255 < 6);
  CHECK(q.scale * 255 > 2);
  // Two sides are cut alike: 0 stays where it was.
  for (size_t i = 0; i < tailed.size(); i += 2) tailed[i] = -tailed[i];
  tailed[0] = 40, tailed[1] = -40;
  const Quant both = observe(tailed, {"entropy"});
  CHECK(std::abs(both.zero_point - 128) <= 1);
  CHECK(both.scale * 255 < 14);
}

TEST_CASE("zeros do not shrink the range of entropy: they are exact under any") {
  Random random(7);
  std::vector<float> seen(20000);
  for (float& v : seen) v = std::fabs(static_cast<float>(random.normal()));
  const float without = observe(seen, {"entropy"}).scale;
  seen.resize(100000, 0);  // relu
  CHECK(observe(seen, {"entropy"}).scale == Approx(without).epsilon(0.02));
  for (size_t i = 0; i < 20000; i += 2) seen[i] = -seen[i];
  const Quant both = observe(seen, {"entropy"});
  CHECK(both.scale == Approx(2 * without).epsilon(0.2));
  CHECK(std::abs(both.zero_point - 128) < 20);
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

TEST_CASE("weights: fewer bits, and one scale for all channels") {
  const Weight dense{Tensor::of<float>({2, 2}, {3, -1.4F, 0.3F, 0.1F}), {}, true};
  const Weight three = quantize_weight(dense, {"max", 3});
  CHECK(equal(three.data, Tensor::of<int8_t>({2, 2}, {3, -1, 3, 1})));
  CHECK(equal(three.encoding.scales, Tensor::of<float>({2}, {1, 0.1F})));
  CHECK(three.encoding.bits == 3);
  const Weight two = quantize_weight(dense, {"max", 2});
  CHECK(equal(two.data, Tensor::of<int8_t>({2, 2}, {1, 0, 1, 0})));
  const Weight shared = quantize_weight(dense, {"max", 3, true});
  CHECK(equal(shared.data, Tensor::of<int8_t>({2, 2}, {3, -1, 0, 0})));
  CHECK(equal(shared.encoding.scales, Tensor::of<float>({2}, {1, 1})));
  for (const Weight& w : {three, two, shared}) CHECK(check_weight(w));
}

TEST_CASE("weights: with two bits the smallest error cuts off most of the range") {
  Random random(5);
  Tensor data = Tensor::zeros(DType::kF32, {1, 4096});
  for (float& v : data.mutable_values<float>()) v = static_cast<float>(random.normal());
  // A bell in three levels is best said by ±1.22 σ (Max 1960, "Quantizing for minimum distortion").
  const Weight mse = quantize_weight({data, {}, true}, {"mse", 2});
  CHECK(mse.encoding.scales.values<float>()[0] == Approx(1.22).margin(0.08));
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
