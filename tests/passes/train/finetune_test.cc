#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// Two numbers, two classes; the larger number is the class.
constexpr const char* kText = R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
  @w : f32[2,2] = zeros
  @b : f32[2] = zeros
  %y = linear(%x, @w, @b)
})";

const Tensor kInputs = Tensor::of<float>({4, 2}, {1, -1, 2, 0, -1, 1, 0, 3});
const Tensor kLabels = Tensor::of<int64_t>({4}, {0, 0, 1, 1});

// 256 points, class 1 where x₀ + x₁/2 > 0.
struct HalfPlane {
  Tensor x = random_tensor({256, 2}, 5);
  std::vector<double> classes = classes_of(x);
  Samples data{{x}, from_doubles(DType::kI64, {256}, classes)};

  static std::vector<double> classes_of(const Tensor& x) {
    std::vector<double> out;
    for (size_t i = 0; i < 256; ++i) out.push_back(x.values<float>()[2 * i] + x.values<float>()[2 * i + 1] / 2 > 0);
    return out;
  }
  int right(const Module& module) const {
    const auto scores = to_doubles(evaluate(module, {x})[0]);
    int count = 0;
    for (size_t i = 0; i < 256; ++i) count += (scores[2 * i + 1] > scores[2 * i]) == (classes[i] > 0);
    return count;
  }
};

nlohmann::json sgd(double lr, int64_t epochs) {
  return {{"epochs", epochs}, {"batch_size", 4}, {"optimizer", {{"type", "sgd"}, {"lr", lr}, {"momentum", 0}}}, {"schedule", {{"type", "constant"}}}};
}

}  // namespace

TEST_CASE("one step of finetune is the gradient of the cross entropy") {
  Module m = module_of(kText);
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  const PassReport report = pass_ok("finetune", m, context, sgd(1, 1));
  CHECK(report.changed);
  // p = 0.5 everywhere: dL/dw₀ = mean((0.5 − [class 0])·x) = −(1+2−(−1)−0)/8, −(−1+0−1−3)/8
  const auto w = to_doubles(m.weights.find("w")->second.data);
  CHECK(w[0] == Approx(0.5));
  CHECK(w[1] == Approx(-0.625));
  CHECK(w[2] == Approx(-0.5));
  CHECK(w[3] == Approx(0.625));
  REQUIRE(report.curves.size() == 2);
  CHECK(report.curves[0].series == "loss");
  CHECK(report.curves[0].y == Approx(std::log(2.0)));
}

TEST_CASE("finetune learns, and says what it did") {
  Module m = module_of(kText);
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  const PassReport report = pass_ok("finetune", m, context, sgd(1, 30));
  CHECK(report.curves.back().series == "accuracy");
  CHECK(report.curves.back().y == 1);
  CHECK(report.numbers.front() == std::pair<std::string, double>("steps", 30));
}

TEST_CASE("finetune without labels goes back to the original's outputs") {
  Module original = module_of(kText), m = original;
  original.weights.find("w")->second.data = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  const Samples data({kInputs});
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", original);
  const PassReport report = pass_ok("finetune", m, context, sgd(1, 1000));
  CHECK(report.notes.front() == "without labels: trained to give the original's outputs");
  CHECK(largest_difference(evaluate(m, {kInputs})[0], evaluate(original, {kInputs})[0]) < 1e-3);
}

TEST_CASE("finetune after quantize.static trains integers: two-bit weights win back what rounding lost") {
  // A two-bit weight starts with (1, 0) or (1, 1) times its scale.
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 256] {
    @w1 : f32[4,2] = [1, 0.55, -1, -0.45, 0.3, 1, 1, -0.4]
    @b1 : f32[4] = zeros
    @w2 : f32[2,4] = [-1, 1, 0.1, 0.2, 1, -1, 0.1, 0.1]
    %h = linear(%x, @w1, @b1) {activation="relu"}
    %y = linear(%h, @w2)
  })");
  const HalfPlane points;
  PlainContext context;
  context.calibration_data = context.training = &points.data;
  pass_ok("quantize.static", m, context, {{"weight_bits", 2}, {"weights", "mse"}});
  const int before = points.right(m);
  const PassReport report = pass_ok("finetune", m, context, {{"epochs", 60}, {"batch_size", 32}, {"optimizer", {{"lr", 0.02}}}});
  CHECK(report.changed);
  CHECK(points.right(m) > before);
  CHECK(points.right(m) >= 246);
  for (const double v : to_doubles(m.weights.at("w1").data)) CHECK(std::fabs(v) <= 1);
  CHECK(m.weights.at("w1").encoding.bits == 2);
  CHECK(m.weights.at("b1").data.dtype() == DType::kI32);
}

TEST_CASE("finetune after quantize.dynamic trains int8 weights under rows quantized at run time") {
  // The last layer knows nothing of the classes yet.
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 256] {
    @w1 : f32[4,2] = [1, 0.55, -1, -0.45, 0.3, 1, 1, -0.4]
    @b1 : f32[4] = zeros
    @w2 : f32[2,4] = [0.2, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.1]
    %h = linear(%x, @w1, @b1) {activation="relu"}
    %y = linear(%h, @w2)
  })");
  const HalfPlane points;
  PlainContext context;
  context.training = &points.data;
  pass_ok("quantize.dynamic", m, context);
  CHECK(points.right(m) < 180);
  const PassReport report = pass_ok("finetune", m, context, {{"epochs", 40}, {"batch_size", 32}, {"optimizer", {{"lr", 0.02}}}});
  CHECK(report.changed);
  CHECK(points.right(m) >= 246);
  for (const char* name : {"w1", "w2"}) CHECK(m.weights.at(name).data.dtype() == DType::kS8);
  for (const NodeId id : m.order()) CHECK(m.node(id).string("dynamic") == "row");
}

TEST_CASE("finetune after quantize.cast and after uneven groups trains the weights as they are kept") {
  // Two-class points through layers that know nothing of the classes yet; 6 inputs in groups of 4 and 2.
  const nlohmann::json halves{{"dtype", "f16"}}, groups{{"bits", 4}, {"group_size", 4}};
  for (const auto& [pass, given, kept] : {std::tuple("quantize.cast", halves, DType::kF16), std::tuple("quantize.weight_only", groups, DType::kS8)}) {
    INFO(pass);
    Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 256] {
      @w1 : f32[6,2] = [1, 0.55, -1, -0.45, 0.3, 1, 1, -0.4, 0.5, 0.5, -0.5, 0.5]
      @w2 : f32[2,6] = [0.2, 0.2, 0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.2, 0.1, 0.1, 0.2]
      %h = linear(%x, @w1) {activation="relu"}
      %y = linear(%h, @w2)
    })");
    const HalfPlane points;
    PlainContext context;
    context.training = &points.data;
    pass_ok(pass, m, context, given);
    CHECK(points.right(m) < 200);
    const PassReport report = pass_ok("finetune", m, context, {{"epochs", 40}, {"batch_size", 32}, {"optimizer", {{"lr", 0.02}}}});
    CHECK(points.right(m) >= 246);
    CHECK(report.notes.empty());
    for (const char* name : {"w1", "w2"}) CHECK(m.weights.at(name).data.dtype() == kept);
  }
}

TEST_CASE("finetune names the layers whose weights it leaves alone") {
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
    @v : f16[2,2] = [[1, 2], [3, 4]]
    @w : f32[2,2] = zeros
    %half = cast(%x) {dtype="f16"}
    %first = linear(%half, @v)
    %wide = cast(%first) {dtype="f32"}
    %y = linear(%wide, @w) })");
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  const PassReport report = pass_ok("finetune", m, context, sgd(0.1, 1));
  REQUIRE(report.notes.size() == 1);
  CHECK_THAT(report.notes[0], Catch::Matchers::StartsWith("not trained: first. "));
}

TEST_CASE("finetune without data, and with options that mean nothing") {
  Module m = module_of(kText);
  PlainContext context;
  const auto report = run_pass("finetune", m, context);
  REQUIRE_FALSE(report);
  CHECK(report.error().message == "/task/train: finetune needs training data, and the recipe names none");
  CHECK(report.error().cls == ErrorClass::kUsage);
  const Pass* pass = find_pass("finetune");
  CHECK_FALSE(pass->check({{"epochs", -1}}, ""));
  CHECK_FALSE(pass->check({{"optimizer", {{"betas", {0.9}}}}}, ""));
  CHECK_FALSE(pass->check({{"optimizer", {{"type", "lion"}}}}, ""));
  CHECK_FALSE(pass->check({{"batch_norm", "off"}}, ""));
  CHECK(pass->check(nlohmann::json::object(), ""));
}
