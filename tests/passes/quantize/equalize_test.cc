#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

std::vector<double> weight(const Module& m, const char* name) { return to_doubles(m.weights.at(name).data); }

double range_of_channel(const Module& m, const char* name, size_t channel, size_t row) {
  const auto w = weight(m, name);
  double most = 0;
  for (size_t i = 0; i < row; ++i) most = std::max(most, std::fabs(w[channel * row + i]));
  return most;
}

}  // namespace

TEST_CASE("quantize.equalize: literal numbers") {
  // r1 = 4, 1; r2 = 1, 16; s = 2, 1/4.
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w1 : f32[2,2] = [4, 0, 0, 1]
    @b1 : f32[2] = [1, -1]
    @w2 : f32[1,2] = [1, 16]
    %h = linear(%x, @w1, @b1) {activation="relu"}
    %y = linear(%h, @w2)
  })");
  const Module before = m;
  PlainContext context;
  const PassReport report = pass_ok("quantize.equalize", m, context);
  CHECK(report.changed);
  CHECK(weight(m, "w1") == std::vector<double>{2, 0, 0, 4});
  CHECK(weight(m, "b1") == std::vector<double>{0.5, -4});
  CHECK(weight(m, "w2") == std::vector<double>{2, 4});
  const Tensor x = random_tensor({8, 2}, 3);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 1e-5);
  CHECK_FALSE(pass_ok("quantize.equalize", m, context).changed);  // nothing is left to do
}

TEST_CASE("quantize.equalize: a row of expand, depthwise and project keeps its function") {
  Module m = module_of(R"(module m (%x : f32[N,3,5,5]) -> (%y) symbols N in [1, 8] {
    @w1 : f32[4,3,1,1] = [8, 1, 2, 0.1, 0.2, 0, 1, 1, 1, 0, 0, 0]
    @b1 : f32[4] = [1, 2, 3, 4]
    @w2 : f32[8,1,3,3] = random(2)
    @w3 : f32[2,4,1,1] = random(3)
    %a = conv(%x, @w1, @b1) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="relu"}
    %b = conv(%a, @w2) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=4, activation="relu"}
    %y = conv(%b, @w3) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], groups=2}
  })");
  const Module before = m;
  PlainContext context;
  const PassReport report = pass_ok("quantize.equalize", m, context);
  CHECK(report.numbers[0] == std::pair<std::string, double>("pairs", 2));
  const Tensor x = random_tensor({4, 3, 5, 5}, 4);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 1e-4);
  // Input channel 1 of the depthwise layer feeds its outputs 2 and 3: both sides reach one range.
  const double depthwise = std::max(range_of_channel(m, "w2", 2, 9), range_of_channel(m, "w2", 3, 9));
  CHECK(range_of_channel(m, "w1", 1, 3) == Approx(depthwise).epsilon(0.01));
  // Channel 3 of the first layer is dead: it stays as it was.
  CHECK(range_of_channel(m, "w1", 3, 3) == 0);
  CHECK(weight(m, "b1")[3] == 4);
}

TEST_CASE("quantize.equalize: what may not be scaled is left alone") {
  for (const char* between : {R"({activation="clip", lo=0, hi=6})", R"({activation="gelu"})"}) {
    Module m = module_of(fmt::format(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {{
      @w1 : f32[2,2] = [4, 0, 0, 1]
      @w2 : f32[1,2] = [1, 16]
      %h = linear(%x, @w1) {}
      %y = linear(%h, @w2) }})", between));
    PlainContext context;
    const PassReport report = pass_ok("quantize.equalize", m, context);
    CHECK_FALSE(report.changed);
    CHECK(report.notes == std::vector<std::string>{"No two layers follow each other with nothing but relu between them."});
  }
  // A second use, and a residual.
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y, %h) symbols N in [1, 8] {
    @w1 : f32[2,2] = [4, 0, 0, 1]
    @w2 : f32[2,2] = [1, 16, 1, 1]
    @w3 : f32[1,2] = [1, 9]
    %h = linear(%x, @w1)
    %r = linear(%h, @w2, _, %h)
    %y = linear(%r, @w3) })");
  PlainContext context;
  CHECK_FALSE(pass_ok("quantize.equalize", m, context).changed);
}

TEST_CASE("quantize.equalize: with one scale a tensor, int8 comes much closer to the float network") {
  // Channels of very different range, as batch norm leaves them after folding into a depthwise layer.
  const char* text = R"(module m (%x : f32[N,3,8,8]) -> (%y) symbols N in [1, 64] {
    @w1 : f32[8,3,1,1] = random(1)
    @w2 : f32[8,1,3,3] = random(2)
    @w3 : f32[4,8,1,1] = random(3)
    %a = conv(%x, @w1) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="relu"}
    %b = conv(%a, @w2) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=8, activation="relu"}
    %y = conv(%b, @w3) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]} })";
  Module uneven = module_of(text);
  const auto w1 = uneven.weights.at("w1").data.mutable_values<float>(), w2 = uneven.weights.at("w2").data.mutable_values<float>();
  for (size_t c = 0; c < 8; ++c) {
    const float factor = std::pow(3.0F, static_cast<float>(c) - 4);
    for (size_t i = 0; i < 3; ++i) w1[c * 3 + i] *= factor;
    for (size_t i = 0; i < 9; ++i) w2[c * 9 + i] /= factor;
  }
  Module even = uneven;
  const Samples data({random_tensor({64, 3, 8, 8}, 11)});
  PlainContext context;
  context.calibration_data = &data;
  pass_ok("quantize.equalize", even, context);
  const auto error = [&](const Module& real) {
    Module m = real;
    pass_ok("quantize.static", m, context, {{"scales", "tensor"}});
    const Tensor x = random_tensor({16, 3, 8, 8}, 12);
    const auto y = to_doubles(evaluate(real, {x})[0]), q = to_doubles(evaluate(m, {x})[0]);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += (y[i] - q[i]) * (y[i] - q[i]);
    return sum;
  };
  CHECK(error(even) < 0.05 * error(uneven));
}
