#include "tests/passes/distill/two_classes.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// A hidden layer of `width`, two classes.
Module network(int width, int seed) {
  return module_of(fmt::format(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {{
    @w1 : f32[{0},2] = random({1})
    @w2 : f32[2,{0}] = random({2})
    %h = linear(%x, @w1)
    %r = relu(%h)
    %y = linear(%r, @w2)
  }})", width, seed, seed + 1));
}

nlohmann::json options(const char* loss, int64_t epochs) {
  return {{"level_loss", loss}, {"epochs", epochs}, {"batch_size", 4}, {"optimizer", {{"type", "adam"}, {"lr", 0.02}}}, {"schedule", {{"type", "constant"}}}};
}

}  // namespace

TEST_CASE("one step of one level is the gradient of the relative squared difference") {
  const auto linear = [](std::initializer_list<float> w) {
    Module m = module_of(R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 64] {
      @w : f32[1,1] = zeros
      @v : f32[2,1] = ones
      %h = linear(%x, @w)
      %y = linear(%h, @v)
    })");
    m.weights.find("w")->second.data = Tensor::of<float>({1, 1}, w);
    return m;
  };
  const Samples data({Tensor::of<float>({2, 1}, {1, 2})});
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", linear({3}));
  Module m = linear({1});
  nlohmann::json o = {{"level_loss", "mse"}, {"map", {{{"student", "h"}, {"teacher", "h"}}}}, {"order", "one_by_one"}, {"epochs", 0}, {"level_epochs", 1},
                      {"optimizer", {{"type", "sgd"}, {"lr", 0.5}, {"momentum", 0}}}, {"schedule", {{"type", "constant"}}}};
  const PassReport report = pass_ok("distill.multi_level", m, context, o);
  // (w − 3)² / 3² whatever the inputs are; from w = 1: 4/9, gradient −4/9.
  CHECK(weight_values(m, "w")[0] == Approx(1 + 0.5 * 4.0 / 9));
  CHECK(weight_values(m, "v") == std::vector<double>{1, 1});
  REQUIRE(report.curves.size() == 1);
  CHECK(report.curves[0].series == "level_1_loss");
  CHECK(report.curves[0].y == Approx(4.0 / 9));
  CHECK(report.changed);
  CHECK(report.notes.front() == "h learns from the teacher's h");
}

TEST_CASE("a narrower student learns, by every loss, together and one after the other") {
  const Module teacher = network(8, 11);
  const Samples data({kInputs});
  for (const char* loss : {"mse", "cosine", "attention_map", "similarity"}) {
    for (const char* order : {"together", "one_by_one"}) {
      CAPTURE(loss, order);
      PlainContext context;
      context.training = &data;
      context.models.emplace("original", teacher);
      Module m = network(3, 21);
      nlohmann::json o = options(loss, 100);
      o["order"] = order, o["level_epochs"] = 20, o["levels"] = 1;
      const PassReport report = pass_ok("distill.multi_level", m, context, o);
      std::vector<double> losses;
      for (const CurvePoint& p : report.curves)
        if (p.series == "loss") losses.push_back(p.y);
      CHECK(losses.back() < losses.front());
      CHECK(m.weights.size() == 2);  // the projection is thrown away
      CHECK(report.notes[0] == "r learns from the teacher's r (proposed)");
      CHECK(report.notes[1] == "the training data has no labels: the teacher's share is 1, not 0.9");
    }
  }
}

TEST_CASE("levels that do not exist or do not fit are told, and the module stays") {
  const Samples data({kInputs}, kLabels);
  PlainContext context;
  context.training = &data;
  context.models.emplace("original", module_of("module t (%x : f32[N,2]) -> (%y) symbols N in [1, 64] { @w : f32[2,2] = random(1) %y = linear(%x, @w) }"));
  Module m = network(3, 21);
  CHECK(run_pass("distill.multi_level", m, context, options("mse", 1)).error().message ==
        "no hidden value of the student has the shape of one of the teacher \"original\"; name the nodes to compare in \"map\"");
  nlohmann::json o = options("mse", 1);
  o["map"] = {{{"student", "h"}, {"teacher", "nothing"}}};
  CHECK(run_pass("distill.multi_level", m, context, o).error().message == "the teacher has no node called \"nothing\"; fastc inspect MODEL --text lists them");
  CHECK(weight_values(m, "w1") == weight_values(network(3, 21), "w1"));
  const Pass* pass = find_pass("distill.multi_level");
  CHECK_FALSE(pass->check({{"map", {{{"student", "h"}}}}}, ""));
  CHECK_FALSE(pass->check({{"level_weight", 0}}, ""));
  CHECK_FALSE(pass->check({{"teacher", nlohmann::json::array()}}, ""));
}
