#include "driver/pipeline/within_drop.h"

#include "ir/op.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// Four layers in a row. The second one has weights that 2 bits cannot say.
constexpr const char* kText = R"(module m (%x : f32[N,4]) -> (%d) symbols N in [1, 256] {
  @wa : f32[4,4] = [1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1]
  @wb : f32[4,4] = random(3)
  @wc : f32[4,4] = [0,1,0,0, 1,0,0,0, 0,0,0,1, 0,0,1,0]
  @wd : f32[2,4] = [1,1,0,0, 0,0,1,1]
  %a = linear(%x, @wa)
  %b = linear(%a, @wb)
  %c = linear(%b, @wc)
  %d = linear(%c, @wd) })";

struct Given {
  Module module = module_of(kText);
  Module before = module;
  Tensor x = random_tensor({128, 4}, 9);
  Samples data{{x}};
  PlainContext context;
  int scored = 0;
  Given() { context.calibration_data = &data; }

  // 1 less the relative squared error of the outputs.
  double quality(const Module& m) const {
    const auto y = to_doubles(evaluate(before, {x})[0]), q = to_doubles(evaluate(m, {x})[0]);
    double error = 0, size = 0;
    for (size_t i = 0; i < y.size(); ++i) error += (y[i] - q[i]) * (y[i] - q[i]), size += y[i] * y[i];
    return 1 - error / size;
  }
  Score score() {
    return [this](const Module& m) -> Result<double> {
      ++scored;
      return quality(m);
    };
  }
};

Stage stage_of(nlohmann::json options, double max_drop) { return {"quantize.static", "", "always", max_drop, std::move(options), "/pipeline/0"}; }

int bits_of(const Module& m, const char* weight) {
  const Encoding& e = m.weights.at(weight).encoding;
  return e.kind == Encoding::Kind::kInt ? e.bits : 32;
}

}  // namespace

TEST_CASE("max_drop: where everything holds, every layer is quantized") {
  Given g;
  const auto report = quantize_within_drop(stage_of(nlohmann::json::object(), 0.01), g.module, g.score(), g.context);
  REQUIRE(report);
  CHECK(g.scored == 2);
  for (const char* w : {"wa", "wb", "wc", "wd"}) CHECK(bits_of(g.module, w) == 8);
  CHECK(report->notes.back().find("No layer had to keep floats") == 0);
}

TEST_CASE("max_drop: the layer that costs most keeps 8 bits, and only it") {
  Given g;
  const Stage stage = stage_of({{"weight_bits", 2}}, 0.001);
  const auto report = quantize_within_drop(stage, g.module, g.score(), g.context);
  if (!report) FAIL(report.error().message);
  INFO(report->notes.back());
  CHECK(bits_of(g.module, "wb") == 8);
  for (const char* w : {"wa", "wc", "wd"}) CHECK(bits_of(g.module, w) == 2);
  CHECK(1 - g.quality(g.module) <= 0.001);
  CHECK(g.scored <= 6);  // the original, everything, log2(4) + 1
  CHECK(report->notes.back().find("1 of 4 layers keep 8-bit weights, the most sensitive ones (b): the metric falls by 0.00") == 0);
}

TEST_CASE("max_drop: at 8 bits layers go back to floats; what cannot be reached is said with the best that was found") {
  Given g;
  const auto floats = quantize_within_drop(stage_of(nlohmann::json::object(), 0), g.module, g.score(), g.context);
  REQUIRE(floats);  // nothing is lost only where nothing is quantized
  CHECK(1 - g.quality(g.module) <= 0);
  Given h;
  const auto missed = quantize_within_drop(stage_of({{"weight_bits", 2}}, 0), h.module, h.score(), h.context);
  REQUIRE(missed);
  CHECK(missed->notes.back().find("max_drop 0 is missed by 0.000") == 0);
  CHECK(bits_of(h.module, "wb") == 8);
  CHECK(h.quality(h.module) > 0.999);
}

TEST_CASE("max_drop: weights in 4 bits under float activations get 8 bits back where they need them") {
  Given g;
  Stage stage = stage_of({{"bits", 4}}, 1e-4);
  stage.pass = "quantize.weight_only";
  const auto report = quantize_within_drop(stage, g.module, g.score(), g.context);
  if (!report) FAIL(report.error().message);
  INFO(report->notes.back());
  CHECK(bits_of(g.module, "wb") == 8);
  for (const char* w : {"wa", "wc", "wd"}) CHECK(bits_of(g.module, w) == 4);
  CHECK(report->notes.back().find("1 of 4 layers keep 8-bit weights, the most sensitive ones (b)") == 0);
}

TEST_CASE("max_drop: what the stage itself excludes stays excluded") {
  Given g;
  const auto report = quantize_within_drop(stage_of({{"weight_bits", 2}, {"exclude", "a"}}, 0.001), g.module, g.score(), g.context);
  if (!report) FAIL(report.error().message);
  CHECK(bits_of(g.module, "wa") == 32);
  CHECK(bits_of(g.module, "wb") == 8);
  CHECK(can_hold_drop(*find_pass("quantize.static")));
  CHECK(can_hold_drop(*find_pass("quantize.dynamic")));
  CHECK_FALSE(can_hold_drop(*find_pass("finetune")));
}
