#include "tests/passes/distill/two_classes.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("one step of mutual distillation: each from the labels and from the other") {
  const Samples data({Tensor::of<float>({1, 2}, {1, 0})}, Tensor::of<int64_t>({1}, {0}));
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({2, 0, 0, 0}));
  Module student = two_classes({0, 0, 0, 0}), peer = student;
  nlohmann::json options = sgd(1, 1);
  pass_ok("distill.bidirectional", student, context, options);
  // Student (½, ½), peer (p, 1−p), p = σ(2), label 0. d L / dy₀ = (own − 1) + (own − other).
  const double p = 1 / (1 + std::exp(-2.0));
  CHECK(weight_values(student)[0] == Approx(0.5 + (p - 0.5)));
  CHECK(weight_values(student)[2] == Approx(-p));
  options["ships"] = "peer";
  const PassReport report = pass_ok("distill.bidirectional", peer, context, options);
  CHECK(weight_values(peer)[0] == Approx(2 - ((p - 1) + (p - 0.5))));
  CHECK(report.notes.back() == "the peer goes on; the peer did better while training");
  CHECK(report.curves.front().series == "peer_loss");
  CHECK(report.curves.back().series == "student_accuracy");
}

TEST_CASE("the better one ships: by right answers, on what is held out where there is such") {
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({1, -1, -1, 1}));  // right everywhere
  nlohmann::json options = sgd(0, 1);
  options["ships"] = "better";
  for (const double held_out : {0.0, 0.5}) {
    options["held_out"] = held_out;
    Module wrong = two_classes({-1, 1, 1, -1}), right = two_classes({3, -3, -3, 3});
    pass_ok("distill.bidirectional", wrong, context, options);
    CHECK(weight_values(wrong) == std::vector<double>{1, -1, -1, 1});
    // Both right everywhere: less loss decides.
    pass_ok("distill.bidirectional", right, context, options);
    CHECK(weight_values(right)[0] != 0);
  }
}

TEST_CASE("both ship: the student goes on, the peer is handed out as it is then") {
  struct Shipping : PlainContext {
    std::map<std::string, Module> shipped;
    std::vector<std::string> drawn;
    Status ship(std::string_view name, const Module& module) override {
      shipped.emplace(std::string(name), module);
      return {};
    }
    void plot(const CurvePoint& point) override { drawn.push_back(point.series); }
  } context;
  const Samples data({kInputs}, kLabels);
  context.training = &data;
  context.models.emplace("original", two_classes({2, 0, 0, 0}));
  nlohmann::json options = sgd(1, 1);
  Module student = two_classes({0, 0, 0, 0}), alone = student, peer = student;
  pass_ok("distill.bidirectional", alone, context, options);
  options["ships"] = "peer";
  pass_ok("distill.bidirectional", peer, context, options);
  CHECK(context.shipped.empty());
  context.drawn.clear();
  options["ships"] = "both";
  pass_ok("distill.bidirectional", student, context, options);
  CHECK(weight_values(student) == weight_values(alone));
  REQUIRE(context.shipped.size() == 1);
  CHECK(weight_values(context.shipped.at("peer")) == weight_values(peer));
  CHECK(context.drawn == std::vector<std::string>{"student_loss", "student_accuracy", "peer_loss", "peer_accuracy"});
  PlainContext nowhere;
  nowhere.training = &data, nowhere.models = context.models;
  CHECK(run_pass("distill.bidirectional", student, nowhere, options).error().message == "a second network (\"peer\") is shipped by fastc compress only");
}

TEST_CASE("two with the same weights are refused; one from random weights is not") {
  const Samples data({kInputs}, kLabels), unlabelled({kInputs});
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", two_classes({1, 2, 3, 4}));
  Module m = two_classes({1, 2, 3, 4});
  CHECK(run_pass("distill.bidirectional", m, context, sgd(1, 1)).error().message ==
        "the peer has the student's weights, so that neither can learn from the other; name another network, or set \"initialize\": \"random\" in one of them");
  nlohmann::json options = sgd(1, 1);
  options["peer"] = {{"path", "original"}, {"initialize", "random"}};
  pass_ok("distill.bidirectional", m, context, options);
  options["student"] = {{"initialize", "random"}};  // both random: of different draws
  pass_ok("distill.bidirectional", m, context, options);
  context.training = &unlabelled;
  CHECK(run_pass("distill.bidirectional", m, context, options).error().message == "mutual distillation needs labels, and the training data has none");
  options["losses"] = {{{"type", "soft_kl"}}};
  pass_ok("distill.bidirectional", m, context, options);
}

TEST_CASE("a pair that does not fit, and losses that look at nobody") {
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", module_of("module t (%x : f32[B,2]) -> (%y) symbols B in [1, 9] { @w : f32[3,2] = zeros %y = linear(%x, @w) }"));
  Module m = two_classes({1, 2, 3, 4});
  CHECK_THAT(run_pass("distill.bidirectional", m, context, sgd(1, 1)).error().message,
             Catch::Matchers::Contains("the peer \"original\" answers with f32[B,3] and the student with f32[N,2]"));
  const Pass* pass = find_pass("distill.bidirectional");
  CHECK_FALSE(pass->check({{"losses", {{{"type", "cross_entropy"}}}}}, ""));
  CHECK_FALSE(pass->check({{"ships", "neither"}}, ""));
  CHECK_FALSE(pass->check({{"patience", 2}}, ""));
  CHECK(pass->check({{"patience", 2}, {"held_out", 0.1}}, ""));
}
