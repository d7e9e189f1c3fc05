#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("graph.fold: batch normalization goes into the convolution") {
  // gamma/sqrt(var) = 2/2 = 1 and 3/1 = 3; beta - mean*s = 5 - 1 = 4 and 0 - 2*3 = -6.
  Module m = module_of(R"(module m (%x : f32[N,1,2,2]) -> (%bn) symbols N in [1, 8] {
    @w : f32[2,1,1,1] = [10, 20]
    @gamma : f32[2] = [2, 3]
    @beta : f32[2] = [5, 0]
    @mean : f32[2] buffer = [1, 2]
    @var : f32[2] buffer = [4, 1]
    %conv = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %bn = batch_norm(%conv, @gamma, @beta, @mean, @var) {eps=0}
  })");
  PlainContext context;
  CHECK(pass_ok("graph.fold", m, context).changed);
  CHECK(print(m) == R"(module m (%x : f32[N,1,2,2]) -> (%conv) symbols N in [1, 8] {
  @w : f32[2,1,1,1] = [[[[10]]], [[[60]]]]
  @conv.bias : f32[2] = [4, -6]
  %conv : f32[N,2,2,2] = conv(%x, @w, @conv.bias) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
}
)");
  CHECK_FALSE(pass_ok("graph.fold", m, context).changed);
}

TEST_CASE("graph.fold: the function stays the same for every layer kind") {
  const std::string layers[] = {
      "@w : f32[4,2,3,3] = random(1)\n @b : f32[4] = random(2)\n %y = conv(%x, @w, @b) {stride=[1,1], "
      "padding=[1,1,1,1], dilation=[1,1], groups=2}",
      "@w : f32[4,4,1,1] = random(1)\n %y = conv(%x, @w) {stride=[2,2], padding=[0,0,0,0], dilation=[1,1]}",
      "@w : f32[4,2,2,2] = random(1)\n %y = conv_transpose(%x, @w) {stride=[2,2], padding=[0,0], output_padding=[0,0], "
      "dilation=[1,1], groups=2}",
  };
  for (const std::string& layer : layers) {
    INFO(layer);
    const Module before = module_of("module m (%x : f32[N,4,5,5]) -> (%bn) symbols N in [1, 8] {\n" + layer + R"(
      @gamma : f32[4] = random(3)
      @beta : f32[4] = random(4)
      @mean : f32[4] = random(5)
      @var : f32[4] = [0.5, 1, 2, 0.25]
      %bn = batch_norm(%y, @gamma, @beta, @mean, @var)
    })");
    Module after = before;
    PlainContext context;
    CHECK(pass_ok("graph.fold", after, context).changed);
    CHECK(after.order().size() == 1);
    const Tensor x = random_tensor({3, 4, 5, 5}, 9);
    CHECK(largest_difference(evaluate(before, {x})[0], evaluate(after, {x})[0]) < 1e-5);
  }
}

TEST_CASE("graph.fold: what another node sees stays") {
  const char* text = R"(module m (%x : f32[N,1,2,2]) -> (%sum) symbols N in [1, 8] {
    @w : f32[1,1,1,1] = [10]
    @v : f32[1] = ones
    %conv = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %bn = batch_norm(%conv, @v, @v, @v, @v)
    %sum = add(%bn, %conv)
  })";
  Module m = module_of(text);
  PlainContext context;
  CHECK_FALSE(pass_ok("graph.fold", m, context).changed);
  CHECK(print(m) == print(module_of(text)));
}

TEST_CASE("graph.fold: a shared weight is copied, so the other layer keeps its own") {
  const Module before = module_of(R"(module m (%x : f32[N,1,2,2]) -> (%bn, %other) symbols N in [1, 8] {
    @w : f32[1,1,1,1] = [10]
    @two : f32[1] = full(2)
    @zero : f32[1] = zeros
    %conv = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %bn = batch_norm(%conv, @two, @zero, @zero, @two) {eps=2}
    %other = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  })");
  Module after = before;
  PlainContext context;
  pass_ok("graph.fold", after, context);
  CHECK(to_doubles(after.weights.at("w").data)[0] == 10);
  const Tensor x = random_tensor({1, 1, 2, 2}, 1);
  for (size_t i = 0; i < 2; ++i) CHECK(largest_difference(evaluate(before, {x})[i], evaluate(after, {x})[i]) < 1e-5);
}

TEST_CASE("graph.fold: only powers of two go into weights, and zero padding into the convolution") {
  Module m = module_of(R"(module m (%x : f32[N,1,2,2]) -> (%b) symbols N in [1, 8] {
    @w : f32[1,1,2,2] = [1, 2, 3, 4]
    @half : f32[] buffer = 0.5
    @third : f32[] buffer = 3
    %p = pad(%x) {padding=[0,0,1,0,0,0,0,1]}
    %conv = conv(%p, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %a = mul(%conv, @half)
    %b = mul(@third, %a)
  })");
  PlainContext context;
  pass_ok("graph.fold", m, context);
  CHECK(print(m, {.types = false}) == R"(module m (%x : f32[N,1,2,2]) -> (%b) symbols N in [1, 8] {
  @w : f32[1,1,2,2] = [[[[0.5, 1], [1.5, 2]]]]
  %conv = conv(%x, @w) {stride=[1,1], padding=[1,0,0,1], dilation=[1,1]}
  @third : f32[] buffer = 3
  %b = mul(@third, %conv)
}
)");
}
