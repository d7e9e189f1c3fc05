#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

void check_means(const char* text, const std::vector<int64_t>& shape) {
  INFO(text);
  Module real = module_of(text);
  const Samples data({random_tensor(shape, 11)});
  PlainContext context;
  context.calibration_data = &data;
  context.models.emplace("original", real);
  Module m = real;
  pass_ok("quantize.static", m, context, {{"weight_bits", 2}});
  const auto channel_means = [&](const Module& module) {
    const Tensor y = evaluate(module, {random_tensor(shape, 11)})[0];
    const auto v = to_doubles(y);
    std::vector<double> means(3, 0);
    const size_t pixels = v.size() / static_cast<size_t>(3 * shape[0]);
    for (size_t i = 0; i < v.size(); ++i) means[i / pixels % 3] += v[i] / static_cast<double>(v.size() / 3);
    return means;
  };
  const auto expected = channel_means(real), before = channel_means(m);
  pass_ok("quantize.bias_correct", m, context);
  const auto after = channel_means(m), scales = to_doubles(m.weights.at("w2").encoding.scales);
  for (size_t c = 0; c < 3; ++c) {
    const double unit = static_cast<double>(m.value(m.find_value("a")).type.quant->scale) * scales[c];  // of the bias
    CHECK(std::fabs(before[c] - expected[c]) > 0.9 * unit);
    CHECK(std::fabs(after[c] - expected[c]) < 0.51 * unit);
  }
  CHECK(m.weights.contains("a.bias"));
}

}  // namespace

TEST_CASE("quantize.bias_correct: the bias takes up what rounding shifted") {
  // Inputs 1 and 2 with scale 1; the weight 0.6 is rounded to 1·0.5: y = 0.5·x instead of 0.6·x, off by 0.15 in the mean.
  Module m = module_of(R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
    @w : s8[1,1] int8(axis 0, scales [0.5]) = [1]
    @b : i32[1] = [4]
    %x.quantize : q(1, 0) = quantize(%x)
    %y = linear(%x.quantize, @w, @b) })");
  const Samples data({Tensor::of<float>({2, 1}, {1, 2})});
  PlainContext context;
  context.calibration_data = &data;
  context.models.emplace("stage:tuned", module_of(R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
    @w : f32[1,1] = [0.6]
    @b : f32[1] = [2]
    %y = linear(%x, @w, @b) })"));
  context.models.emplace("original", context.models.at("stage:tuned"));
  // 0.15 / (1·0.5) = 0.3 of a unit: too little to move the bias.
  CHECK(pass_ok("quantize.bias_correct", m, context).changed);
  CHECK(to_doubles(m.weights.at("b").data) == std::vector<double>{4});
  // With the weight at 2.6, 2.1·1.5 = 3.15 are missing: 6.3 units.
  context.models.at("stage:tuned").weights.at("w").data = Tensor::of<float>({1, 1}, {2.6F});
  const PassReport report = pass_ok("quantize.bias_correct", m, context, {{"reference", "stage:tuned"}});
  CHECK(to_doubles(m.weights.at("b").data) == std::vector<double>{10});
  CHECK(report.numbers[0] == std::pair<std::string, double>("layers_corrected", 1));
  CHECK(report.numbers[1].second == Approx(3.15));
}

TEST_CASE("quantize.bias_correct: means agree after two-bit weights, in a row of layers with groups, strides and no bias") {
  check_means(R"(module m (%x : f32[N,4,6,6]) -> (%y) symbols N in [1, 256] {
    @w1 : f32[8,2,3,3] = random(1)
    @w2 : f32[3,8,3,3] = random(2)
    @b2 : f32[3] = random(3)
    %a = conv(%x, @w1) {stride=[2,1], padding=[1,0,0,1], dilation=[1,1], groups=2, activation="relu"}
    %y = conv(%a, @w2, @b2) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]} })", {200, 4, 6, 6});
  check_means(R"(module m (%x : f32[N,4,7]) -> (%y) symbols N in [1, 256] {
    @w1 : f32[8,4,3] = random(21)
    @w2 : f32[3,8,3] = random(22)
    @b2 : f32[3] = random(3)
    %a = conv(%x, @w1) {stride=[1], padding=[2,1], dilation=[2], activation="relu"}
    %y = conv(%a, @w2, @b2) {stride=[2], padding=[1,1], dilation=[1]} })", {200, 4, 7});
  check_means(R"(module m (%x : f32[N,4,4,4,3]) -> (%y) symbols N in [1, 256] {
    @w1 : f32[8,2,2,3,1] = random(1)
    @w2 : f32[3,8,2,2,2] = random(2)
    @b2 : f32[3] = random(3)
    %a = conv(%x, @w1) {stride=[1,2,1], padding=[2,0,0,0,1,0], dilation=[2,1,1], groups=2, activation="relu"}
    %y = conv(%a, @w2, @b2) {stride=[1,1,1], padding=[1,1,1,0,0,0], dilation=[1,1,1]} })", {200, 4, 4, 4, 3});
}

TEST_CASE("quantize.bias_correct: another network is no reference, and data is needed") {
  Module m = module_of(R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
    @w : s8[1,1] int8(axis 0, scales [0.5]) = [1]
    %x.quantize : q(1, 0) = quantize(%x)
    %y = linear(%x.quantize, @w) })");
  PlainContext context;
  context.models.emplace("original", module_of(R"(module m (%x : f32[N,1]) -> (%z) symbols N in [1, 8] {
    @w : f32[1,1] = [0.6]
    %z = linear(%x, @w) })"));
  CHECK(run_pass("quantize.bias_correct", m, context).error().message.find("expected calibration data for the means of layers") == 0);
  const Samples data({Tensor::of<float>({2, 1}, {1, 2})});
  context.calibration_data = &data;
  CHECK(run_pass("quantize.bias_correct", m, context).error().message ==
        "expected a layer \"y\" of the same sizes in the float network, found none; name the stage that quantization started from");
}
