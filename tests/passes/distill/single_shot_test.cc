#include "tests/passes/distill/two_classes.h"

using namespace fastc;
using namespace fastc::test;

namespace {

nlohmann::json with(double alpha, double lr, int64_t epochs) {
  nlohmann::json options = sgd(lr, epochs);
  options["alpha"] = alpha, options["temperature"] = 2;
  return options;
}

}  // namespace

TEST_CASE("one step of distillation is T times the difference of the softened answers") {
  Module m = two_classes({0, 0, 0, 0});
  const Samples data({Tensor::of<float>({1, 2}, {1, 0})}, Tensor::of<int64_t>({1}, {0}));
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({4, 0, 0, 0}));
  pass_ok("distill.single_shot", m, context, with(1, 1, 1));
  // Scores of the teacher (4, 0), of the student (0, 0). d(T²·KL)/dy = T·(q − p): q = 0.5, p = σ(4/2).
  const double p = 1 / (1 + std::exp(-2.0));
  const auto w = to_doubles(m.weights.find("w")->second.data);
  CHECK(w[0] == Approx(2 * (p - 0.5)));
  CHECK(w[1] == 0);
  CHECK(w[2] == Approx(-2 * (p - 0.5)));
}

TEST_CASE("a student becomes its teacher, also one that contradicts the labels") {
  const Module teacher = two_classes({-1, 1, 1, -1});
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("stage:tuned", teacher);
  Module m = two_classes({0, 0, 0, 0});
  nlohmann::json options = with(1, 1, 300);
  options["teacher"] = "stage:tuned";
  const PassReport report = pass_ok("distill.single_shot", m, context, options);
  CHECK(report.curves.end()[-2].y < 1e-3);   // loss
  CHECK(report.curves.back().y == 0);        // accuracy: every label is contradicted
}

TEST_CASE("alpha 0 is training on the labels; without labels alpha is 1, and that is said") {
  Module m = two_classes({0, 0, 0, 0}), plain = m;
  const Samples data({kInputs}, kLabels), unlabelled({kInputs});
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({-1, 1, 1, -1}));
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
  Module m = two_classes({0, 0, 0, 0});
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

TEST_CASE("two teachers that contradict each other leave the student between them") {
  Module m = two_classes({0, 0, 0, 0});
  const Samples data({Tensor::of<float>({1, 2}, {1, 0})});
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({4, 0, 0, 0}));
  context.models.emplace("b.pt", two_classes({0, 0, 4, 0}));
  nlohmann::json options = with(1, 1, 1);
  options["teacher"] = {"original", "b.pt"};
  pass_ok("distill.single_shot", m, context, options);
  CHECK(to_doubles(m.weights.find("w")->second.data) == std::vector<double>{0, 0, 0, 0});
  options["teacher"] = {"original", "original"};
  pass_ok("distill.single_shot", m, context, options);
  CHECK(to_doubles(m.weights.find("w")->second.data)[0] == Approx(2 * (1 / (1 + std::exp(-2.0)) - 0.5)));
}

TEST_CASE("a list of losses takes the place of alpha and temperature") {
  Module m = two_classes({0, 0, 0, 0}), labels = m;
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({-1, 1, 1, -1}));
  nlohmann::json options = with(1, 1, 3);
  options["losses"] = {{{"type", "cross_entropy"}}};
  pass_ok("distill.single_shot", m, context, options);
  pass_ok("distill.single_shot", labels, context, with(0, 1, 3));
  CHECK(equal(m.weights.find("w")->second.data, labels.weights.find("w")->second.data));
  const Samples unlabelled({kInputs});
  context.training = &unlabelled;
  CHECK(run_pass("distill.single_shot", m, context, options).error().message == "distillation needs labels, and the training data has none");
  options["losses"] = {{{"type", "logits_mse"}}};
  pass_ok("distill.single_shot", m, context, options);  // needs none
  CHECK_FALSE(find_pass("distill.single_shot")->check({{"losses", {{{"type", "mse"}, {"weight", 0}}}}}, ""));
  CHECK_FALSE(find_pass("distill.single_shot")->check({{"losses", {{{"type", "hinge"}}}}}, ""));
}

TEST_CASE("another network takes the pipeline's place, with its weights or from random ones") {
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({1, 2, 3, 4}));
  context.models.emplace("small.pt", two_classes({5, 6, 7, 8}));
  nlohmann::json options = with(1, 1, 0);  // no step: what it starts from
  options["student"] = {{"path", "small.pt"}};
  Module kept = two_classes({1, 2, 3, 4}), random = kept, again = kept, other = kept;
  const PassReport report = pass_ok("distill.single_shot", kept, context, options);
  CHECK(report.changed);
  CHECK(report.notes.front() == "the student is small.pt, 4 parameters");
  CHECK(to_doubles(kept.weights.find("w")->second.data) == std::vector<double>{5, 6, 7, 8});
  options["student"]["initialize"] = "random";
  CHECK(pass_ok("distill.single_shot", random, context, options).notes.front() == "the student is small.pt, 4 parameters, from random weights");
  pass_ok("distill.single_shot", again, context, options);
  context.seed_value = 8;
  pass_ok("distill.single_shot", other, context, options);
  CHECK_FALSE(equal(random.weights.find("w")->second.data, kept.weights.find("w")->second.data));
  CHECK(equal(random.weights.find("w")->second.data, again.weights.find("w")->second.data));
  CHECK_FALSE(equal(random.weights.find("w")->second.data, other.weights.find("w")->second.data));
  context.models.insert_or_assign("small.pt", module_of("module t (%x : f32[B,2]) -> (%y) symbols B in [1, 9] { @w : f32[3,2] = zeros %y = linear(%x, @w) }"));
  Module m = two_classes({1, 2, 3, 4});
  CHECK_THAT(run_pass("distill.single_shot", m, context, options).error().message, Catch::Matchers::Contains("answers with f32[N,2] and the student with f32[B,3]"));
  CHECK(equal(m.weights.find("w")->second.data, two_classes({1, 2, 3, 4}).weights.find("w")->second.data));
}

TEST_CASE("the teacher cut in width and depth is a student") {
  const Module teacher = module_of(R"(module m (%x : f32[N,4]) -> (%y) symbols N in [1, 64] {
    @w1 : f32[16,4] = random(1)
    @w2 : f32[16,16] = random(2)
    @w3 : f32[16,16] = random(3)
    @head : f32[2,16] = random(4)
    %a = linear(%x, @w1)
    %b = linear(%a, @w2)
    %r = relu(%b)
    %s = add(%a, %r)
    %c = linear(%s, @w3)
    %q = relu(%c)
    %t = add(%s, %q)
    %y = linear(%t, @head)
  })");
  const Samples data({random_tensor({8, 4}, 5)});
  PlainContext context;
  context.training = context.calibration_data = &data;
  context.models.emplace("original", teacher);
  Module narrow = teacher, shallow = teacher, whole = teacher;
  nlohmann::json options = with(1, 0.1, 1);
  options["student"] = {{"width", 0.5}};
  pass_ok("distill.single_shot", narrow, context, options);
  CHECK(narrow.weights.find("w1")->second.data.shape() == std::vector<int64_t>{8, 4});
  CHECK(narrow.weights.find("head")->second.data.shape() == std::vector<int64_t>{2, 8});
  options["student"] = {{"depth", 0.5}};
  CHECK(pass_ok("distill.single_shot", shallow, context, options).notes.front() == "the student is the teacher with parts cut out, 352 parameters");
  CHECK((shallow.find_node("b") == kNoId) != (shallow.find_node("c") == kNoId));
  options["student"] = {{"depth", 0.9}};  // less than one of two blocks
  CHECK(run_pass("distill.single_shot", whole, context, options).error().message ==
        "the teacher cannot be cut to 0.9 of what it is: prune.structural found nothing to remove");
  CHECK(equal(whole.weights.find("w1")->second.data, teacher.weights.find("w1")->second.data));
}

TEST_CASE("a float student does not take the place of a quantized network") {
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
    @w : s8[2,2] int8(axis 0, scales [0.5, 0.5]) = [[1, 2], [3, 4]]
    %q : q(0.5, 0) = quantize(%x)
    %y = linear(%q, @w)
  })");
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({1, 2, 3, 4}));
  nlohmann::json options = with(1, 1, 1);
  options["student"] = {{"path", "original"}};
  const std::string before = print(m);
  CHECK(run_pass("distill.single_shot", m, context, options).error().message ==
        "another student than the network itself cannot take the place of a quantized one; put the distillation before the quantization");
  CHECK(print(m) == before);
}
