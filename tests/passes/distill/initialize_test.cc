#include "passes/distill/initialize.h"

#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

std::vector<double> values(const Module& m, const char* name) { return to_doubles(m.weights.find(name)->second.data); }

double variance(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return sum / static_cast<double>(v.size());
}

}  // namespace

TEST_CASE("random weights have the variance of He et al., norms are as they were born, constants stay") {
  Module m = module_of(R"(module m (%x : f32[N,16,8,8]) -> (%y) symbols N in [1, 64] {
    @w : f32[64,16,3,3] = zeros
    @bias : f32[64] = ones
    @gamma : f32[64] = zeros
    @beta : f32[64] = ones
    @mean : f32[64] buffer = ones
    @var : f32[64] buffer = zeros
    @scale : f32[1] buffer = [3]
    @head : f32[100,64] = zeros
    %c = conv(%x, @w, @bias) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
    %n = batch_norm(%c, @gamma, @beta, @mean, @var) {eps=0.00001}
    %s = mul(%n, @scale)
    %p = adaptive_avg_pool(%s) {output_size=[1,1]}
    %f = reshape(%p) {shape=[N, 64]}
    %y = linear(%f, @head)
  })");
  initialize_randomly(m, 7);
  CHECK(variance(values(m, "w")) == Approx(2.0 / (16 * 9)).epsilon(0.05));  // 9216 draws: 1.5 % is one deviation
  CHECK(variance(values(m, "head")) == Approx(2.0 / 64).epsilon(0.06));
  CHECK(values(m, "bias") == std::vector<double>(64, 0));
  CHECK(values(m, "gamma") == std::vector<double>(64, 1));
  CHECK(values(m, "beta") == std::vector<double>(64, 0));
  CHECK(values(m, "mean") == std::vector<double>(64, 0));
  CHECK(values(m, "var") == std::vector<double>(64, 1));
  CHECK(values(m, "scale") == std::vector<double>{3});
}

TEST_CASE("the same seed gives the same weights; another graph around a weight does not change it") {
  const char* text = "module m (%x : f32[N,4]) -> (%y) symbols N in [1, 9] { @w : f32[4,4] = zeros %y = linear(%x, @w) }";
  const char* longer = "module m (%x : f32[N,4]) -> (%y) symbols N in [1, 9] { @a : f32[4,4] = zeros @w : f32[4,4] = zeros %h = linear(%x, @a) %y = linear(%h, @w) }";
  Module a = module_of(text), b = module_of(longer), c = module_of(text);
  initialize_randomly(a, 7), initialize_randomly(b, 7), initialize_randomly(c, 8);
  CHECK(values(a, "w") == values(b, "w"));
  CHECK(values(a, "w") != values(c, "w"));
  CHECK(values(b, "w") != values(b, "a"));
}

TEST_CASE("of a shared weight the first use decides") {
  Module m = module_of(R"(module m (%x : i64[N,3]) -> (%y) symbols N in [1, 9] {
    @table : f32[1000,16] = zeros
    %e = embedding(@table, %x)
    %y = linear(%e, @table)
  })");
  initialize_randomly(m, 7);
  CHECK(variance(values(m, "table")) == Approx(1.0 / 16).epsilon(0.05));  // an embedding, not a linear map
}
