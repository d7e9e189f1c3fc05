#include "passes/quantize/adaround.h"

#include "passes/quantize/observers.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;
using quantize::LayerSeen;

namespace {

// What is seen of one linear layer y = W·x on the rows of x, in floats on both sides.
LayerSeen seen_of(const std::vector<std::vector<double>>& rows, const std::vector<double>& w) {
  const size_t k = rows[0].size(), outputs = w.size() / k;
  std::vector<double> products(k * k), cross(k * outputs), inputs(k), results(outputs);
  LayerSeen seen;
  const double n = static_cast<double>(rows.size());
  for (const auto& x : rows) {
    for (size_t o = 0; o < outputs; ++o) {
      double y = 0;
      for (size_t i = 0; i < k; ++i) y += w[o * k + i] * x[i];
      for (size_t i = 0; i < k; ++i) cross[i * outputs + o] += x[i] * y / n;
      results[o] += y / n;
      seen.energy += y * y / n;
    }
    for (size_t i = 0; i < k; ++i) inputs[i] += x[i] / n;
    for (size_t i = 0; i < k * k; ++i) products[i] += x[i / k] * x[i % k] / n;
  }
  const auto size = [](size_t v) { return static_cast<int64_t>(v); };
  seen.products = from_doubles(DType::kF32, {1, size(k), size(k)}, products);
  seen.cross = from_doubles(DType::kF32, {1, size(k), size(outputs)}, cross);
  seen.mean_input = from_doubles(DType::kF32, {1, size(k)}, inputs);
  seen.mean_output = from_doubles(DType::kF32, {size(outputs)}, results);
  return seen;
}

Weight on_grid(const Tensor& w, double scale, int bits) {
  Weight encoded = quantize::quantize_weight({w, {}, true}, {"max", bits});
  encoded.encoding.scales = from_doubles(DType::kF32, encoded.encoding.scales.shape(), std::vector<double>(static_cast<size_t>(w.shape()[0]), scale));
  std::vector<double> values = to_doubles(w);
  for (double& v : values) v = std::nearbyint(v / scale);
  encoded.data = from_doubles(DType::kS8, w.shape(), values);
  return encoded;
}

double squared_error(const Module& a, const Module& b, const Tensor& x) {
  const auto y = to_doubles(evaluate(a, {x})[0]), q = to_doubles(evaluate(b, {x})[0]);
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += (y[i] - q[i]) * (y[i] - q[i]);
  return sum;
}

constexpr quantize::AdaRoundOptions kOptions{.samples = 512, .iterations = 2000, .lr = 0.01, .regularization = 1};

}  // namespace

TEST_CASE("AdaRound: inputs that go together let errors cancel") {
  // Both inputs are the same number, so only w0 + w1 counts: 0.4 + 0.4 = 0.8 is best said as 1 + 0, not as 0 + 0.
  const std::vector<std::vector<double>> rows{{1, 1}, {-2, -2}, {3, 3}, {-2, -2}};
  const Tensor w = Tensor::of<float>({1, 2}, {0.4F, 0.38F});
  const Weight nearest = on_grid(w, 1, 3);
  CHECK(to_doubles(nearest.data) == std::vector<double>{0, 0});
  const LayerSeen seen = seen_of(rows, to_doubles(w));
  // E[x²] = 4.5: 0.78² · 4.5
  CHECK(quantize::reconstruction_error(nearest, seen).value() == Approx(0.78 * 0.78 * 4.5).epsilon(1e-4));
  const auto learned = quantize::learn_rounding(w, nearest, seen, kOptions);
  REQUIRE(learned);
  CHECK(to_doubles(*learned) == std::vector<double>{1, 0});
}

TEST_CASE("AdaRound: inputs that have nothing in common leave the nearest") {
  const std::vector<std::vector<double>> rows{{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
  const Tensor w = Tensor::of<float>({2, 2}, {0.4F, 0.7F, -0.2F, -1.6F});
  const Weight nearest = on_grid(w, 1, 3);
  const auto learned = quantize::learn_rounding(w, nearest, seen_of(rows, to_doubles(w)), kOptions);
  REQUIRE(learned);
  CHECK(to_doubles(*learned) == std::vector<double>{0, 1, 0, -2});
}

TEST_CASE("AdaRound: integers stay in their range, zeros of a pattern stay zeros") {
  // Without the range, 3.4 + 0.4 would want 4 + 0.
  const std::vector<std::vector<double>> rows{{1, 1}, {-1, -1}};
  const Tensor w = Tensor::of<float>({1, 2}, {3.4F, 0.4F});
  Weight nearest = on_grid(w, 1, 3);
  const auto learned = quantize::learn_rounding(w, nearest, seen_of(rows, to_doubles(w)), kOptions);
  REQUIRE(learned);
  CHECK(to_doubles(*learned) == std::vector<double>{3, 1});
  const Tensor sparse = Tensor::of<float>({1, 2}, {2.4F, 0});
  nearest = on_grid(sparse, 1, 3);
  nearest.encoding.sparsity = Encoding::Sparsity::kUnstructured;
  // y = 2.9·x wants 3 = 2 + 1 or 3 + 0; only the second keeps the zero.
  const auto pruned = quantize::learn_rounding(sparse, nearest, seen_of(rows, {2.9, 0}), kOptions);
  REQUIRE(pruned);
  CHECK(to_doubles(*pruned) == std::vector<double>{3, 0});
}

TEST_CASE("quantize.static, rounding adaround: closer to the float network than the nearest, layer after layer") {
  const char* text = R"(module (%x : f32[N,3,8,8]) -> (%y) symbols N in [1, 256] {
    @w1 : f32[8,3,3,3] = random(1)
    @b1 : f32[8] = random(2)
    @w2 : f32[8,1,3,3] = random(3)
    @w3 : f32[8,8,1,1] = random(4)
    @w4 : f32[5,8] = random(5)
    @b4 : f32[5] = random(6)
    %a = conv(%x, @w1, @b1) {stride=[2,2], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
    %b = conv(%a, @w2) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=8, activation="relu"}
    %c = conv(%b, @w3, _, %a) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="relu"}
    %mean = reduce_mean(%c) {axes=[2,3]}
    %y = linear(%mean, @w4, @b4) })";
  const Module real = module_of(text);
  const Samples data({random_tensor({128, 3, 8, 8}, 11)});
  PlainContext context;
  context.calibration_data = &data;
  Module nearest = real, learned = real;
  pass_ok("quantize.static", nearest, context, {{"weight_bits", 3}});
  const PassReport report = pass_ok("quantize.static", learned, context, {{"weight_bits", 3}, {"rounding", "adaround"}, {"adaround", {{"iterations", 500}}}});
  CHECK(report.notes.back().find("AdaRound turned ") == 0);
  const Tensor x = random_tensor({64, 3, 8, 8}, 12);
  const auto error = [&](const Module& m) { return squared_error(real, m, x); };
  CHECK(error(learned) < 0.5 * error(nearest));
  CHECK(learned.weights.at("w1").encoding.bits == 3);
  CHECK(equal(learned.weights.at("w1").encoding.scales, nearest.weights.at("w1").encoding.scales));
  Module again = real;
  pass_ok("quantize.static", again, context, {{"weight_bits", 3}, {"rounding", "adaround"}, {"adaround", {{"iterations", 500}}}});
  CHECK(print(again) == print(learned));  // nothing is random
}

TEST_CASE("AdaRound rounds on the grid of each group") {
  // As in the first test, with steps of 2 and 1: 0.8 = 2·0.4 and 0.38 + 0.4. Of each pair that goes together one is rounded up.
  const std::vector<std::vector<double>> rows{{1, 1, 0, 0}, {-2, -2, 0, 0}, {0, 0, 3, 3}, {0, 0, -2, -2}, {1, 1, 0, 0}, {0, 0, -1, -1}};
  const Tensor w = Tensor::of<float>({1, 4}, {0.8F, 0.76F, 0.4F, 0.38F});
  Weight nearest = on_grid(Tensor::of<float>({1, 4}, {0, 0, 0, 0}), 1, 3);
  nearest.encoding.group_size = 2, nearest.encoding.scales = Tensor::of<float>({1, 2}, {2, 1});
  REQUIRE(check_weight(nearest));
  const auto learned = quantize::learn_rounding(w, nearest, seen_of(rows, to_doubles(w)), kOptions);
  REQUIRE(learned);
  CHECK(to_doubles(*learned) == std::vector<double>{1, 0, 1, 0});
}

TEST_CASE("quantize.static, rounding adaround: on the grid of groups") {
  const Module real = module_of(R"(module (%x : f32[N,4,6,6]) -> (%y) symbols N in [1, 256] {
    @w1 : f32[8,4,3,3] = random(1)
    @w2 : f32[6,8,3,3] = random(4)
    %a = conv(%x, @w1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
    %y = conv(%a, @w2) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]} })");
  const Samples data({random_tensor({64, 4, 6, 6}, 11)});
  PlainContext context;
  context.calibration_data = &data;
  const auto quantized = [&](nlohmann::json options) {
    Module module = real;
    options["weight_bits"] = 3;
    pass_ok("quantize.static", module, context, options);
    return module;
  };
  const nlohmann::json learn{{"iterations", 300}};
  const Module nearest = quantized({{"group_size", 8}}), learned = quantized({{"group_size", 8}, {"rounding", "adaround"}, {"adaround", learn}});
  const Weight& w = learned.weights.at("w2");
  CHECK(w.encoding.group_size == 8);
  CHECK(equal(w.encoding.scales, nearest.weights.at("w2").encoding.scales));
  CHECK_FALSE(equal(w.data, nearest.weights.at("w2").data));
  REQUIRE(check_weight(w));
  const Tensor x = random_tensor({32, 4, 6, 6}, 12);
  const auto error = [&](const Module& m) { return squared_error(real, m, x); };
  CHECK(error(learned) < error(nearest));
}
