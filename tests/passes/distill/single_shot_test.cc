#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

constexpr const char* kText = R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
  @w : f32[2,2] = zeros
  %y = linear(%x, @w)
})";

const Tensor kInputs = Tensor::of<float>({4, 2}, {1, -1, 2, 0, -1, 1, 0, 3});
const Tensor kLabels = Tensor::of<int64_t>({4}, {0, 0, 1, 1});

Module teacher_with(std::initializer_list<float> weights) {
  Module m = module_of(kText);
  m.weights.find("w")->second.data = Tensor::of<float>({2, 2}, weights);
  return m;
}

nlohmann::json with(double alpha, double lr, int64_t epochs) {
  return {{"alpha", alpha}, {"temperature", 2}, {"epochs", epochs}, {"batch_size", 4},
          {"optimizer", {{"type", "sgd"}, {"lr", lr}, {"momentum", 0}}}, {"schedule", {{"type", "constant"}}}};
}

}  // namespace

TEST_CASE("one step of distillation is T times the difference of the softened answers") {
  Module m = module_of(kText);
  const Samples data({Tensor::of<float>({1, 2}, {1, 0})}, Tensor::of<int64_t>({1}, {0}));
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", teacher_with({4, 0, 0, 0}));
  pass_ok("distill.single_shot", m, context, with(1, 1, 1));
  // Scores of the teacher (4, 0), of the student (0, 0). d(T²·KL)/dy = T·(q − p): q = 0.5, p = σ(4/2).
  const double p = 1 / (1 + std::exp(-2.0));
  const auto w = to_doubles(m.weights.find("w")->second.data);
  CHECK(w[0] == Approx(2 * (p - 0.5)));
  CHECK(w[1] == 0);
  CHECK(w[2] == Approx(-2 * (p - 0.5)));
}

TEST_CASE("a student becomes its teacher, also one that contradicts the labels") {
  const Module teacher = teacher_with({-1, 1, 1, -1});
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("stage:tuned", teacher);
  Module m = module_of(kText);
  nlohmann::json options = with(1, 1, 300);
  options["teacher"] = "stage:tuned";
  const PassReport report = pass_ok("distill.single_shot", m, context, options);
  CHECK(report.curves.end()[-2].y < 1e-3);   // loss
  CHECK(report.curves.back().y == 0);        // accuracy: every label is contradicted
}

TEST_CASE("alpha 0 is training on the labels; without labels alpha is 1, and that is said") {
  Module m = module_of(kText), plain = m;
  const Samples data({kInputs}, kLabels), unlabelled({kInputs});
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", teacher_with({-1, 1, 1, -1}));
  pass_ok("distill.single_shot", m, context, with(0, 1, 3));
  nlohmann::json labels = with(0, 1, 3);
  labels.erase("alpha"), labels.erase("temperature");
  pass_ok("finetune", plain, context, labels);
  CHECK(equal(m.weights.find("w")->second.data, plain.weights.find("w")->second.data));
  context.training = &unlabelled;
  CHECK(pass_ok("distill.single_shot", m, context, with(0.5, 1, 1)).notes.front() == "the training data has no labels: the teacher's share is 1, not 0.5");
}

TEST_CASE("a pair that does not fit is told before the first step") {
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  Module m = module_of(kText);
  const auto message = [&](const char* teacher) {
    context.models.insert_or_assign("original", module_of(teacher));
    const auto report = run_pass("distill.single_shot", m, context);
    REQUIRE_FALSE(report);
    CHECK(report.error().cls == ErrorClass::kStage);
    return report.error().message;
  };
  CHECK(message("module t (%x : f32[B,2]) -> (%y) symbols B in [1, 9] { @w : f32[3,2] = zeros %y = linear(%x, @w) }") ==
        "the teacher \"original\" answers with f32[B,3] and the student with f32[N,2], and distillation compares class by class; name a teacher with "
        "the same classes, or train on labels alone with the pass \"finetune\"");
  CHECK(message("module t (%x : f32[B,3]) -> (%y) symbols B in [1, 9] { @w : f32[2,3] = zeros %y = linear(%x, @w) }") ==
        "the teacher \"original\" takes f32[B,3] as input x and the student f32[N,2]; name a teacher with the student's inputs, such as \"original\"");
  context.models.clear();
  CHECK_FALSE(run_pass("distill.single_shot", m, context));
  CHECK_FALSE(find_pass("distill.single_shot")->check({{"alpha", 1.5}}, ""));
  CHECK_FALSE(find_pass("distill.single_shot")->check({{"temperature", 0}}, ""));
}
