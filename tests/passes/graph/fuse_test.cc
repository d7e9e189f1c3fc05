#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

std::string fused(const std::string& body, const std::string& output = "%y") {
  Module m = module_of("module m (%x : f32[N,2]) -> (" + output +
                       ") symbols N in [1, 8] {\n@w : f32[2,2] = [1, 2, 3, 4]\n@b : f32[2] = [5, 6]\n" + body + "\n}");
  const Module before = m;
  PlainContext context;
  pass_ok("graph.fuse", m, context);
  const Tensor x = random_tensor({3, 2}, 5);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 1e-6);
  const std::string text = print(m, {.types = false});
  const auto start = text.find("  %");
  return text.substr(start, text.rfind("}\n") - start);
}

}  // namespace

TEST_CASE("graph.fuse: bias, residual and activation become the layer's epilogue") {
  CHECK(fused(R"(%l = linear(%x, @w)
                 %biased = add(@b, %l)
                 %sum = add(%x, %biased)
                 %y = relu(%sum))",
              "%y") == "  %l = linear(%x, @w, @l.bias, %x) {activation=\"relu\"}\n");
  CHECK(fused("%l = linear(%x, @w)\n%y = clip(%l) {lo=0, hi=6}") ==
        "  %l = linear(%x, @w) {activation=\"clip\", hi=6}\n");
  CHECK(fused("%s = add(%x, %x)\n%y = relu(%s)") == "  %s = add(%x, %x) {activation=\"relu\"}\n");
}

TEST_CASE("graph.fuse: the layer moves down to where its residual is known") {
  CHECK(fused("%l = linear(%x, @w)\n%e = exp(%x)\n%s = add(%l, %e)\n%y = relu(%s)") ==
        "  %e = exp(%x)\n"
        "  @w : f32[2,2] = [[1, 2], [3, 4]]\n"
        "  %l = linear(%x, @w, _, %e) {activation=\"relu\"}\n");
}

TEST_CASE("graph.fuse: of two layers the later one takes the sum") {
  CHECK(fused("%k = linear(%x, @w)\n%l = linear(%x, @w)\n%y = add(%l, %k)") ==
        "  %k = linear(%x, @w)\n  %l = linear(%x, @w, _, %k)\n");
}

TEST_CASE("graph.fuse: nothing is fused that somebody else sees, or out of order") {
  CHECK(fused("%l = linear(%x, @w)\n%y = relu(%l)\n%z = exp(%l)", "%y, %z") ==
        "  %l = linear(%x, @w)\n  %y = relu(%l)\n  %z = exp(%l)\n");
  CHECK(fused("%l = linear(%x, @w)\n%y = relu(%l)", "%y, %l") == "  %l = linear(%x, @w)\n  %y = relu(%l)\n");
  // An activation comes after the residual, so this sum cannot follow it.
  CHECK(fused("%l = linear(%x, @w)\n%r = relu(%l)\n%y = add(%r, %x)") ==
        "  %l = linear(%x, @w) {activation=\"relu\"}\n  %y = add(%l, %x)\n");
  CHECK(fused("%l = linear(%x, @w)\n%y = add(%l, %l)") == "  %l = linear(%x, @w)\n  %y = add(%l, %l)\n");
}

TEST_CASE("graph.fuse: broadcasting additions are no residuals, channel vectors are biases") {
  const Module before = module_of(R"(module m (%x : f32[N,2,3,3], %r : f32[1,2,3,3]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2,1,1] = random(1)
    @b : f32[2,1,1] = [5, 6]
    %conv = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %biased = add(%conv, @b)
    %y = add(%biased, %r)
  })");
  Module after = before;
  PlainContext context;
  const PassReport report = pass_ok("graph.fuse", after, context);
  CHECK(after.order().size() == 2);
  CHECK(report.numbers == std::vector<std::pair<std::string, double>>{
                              {"biases_fused", 1}, {"residuals_fused", 0}, {"activations_fused", 0}});
  const std::vector<Tensor> inputs{random_tensor({2, 2, 3, 3}, 1), random_tensor({1, 2, 3, 3}, 2)};
  CHECK(largest_difference(evaluate(before, inputs)[0], evaluate(after, inputs)[0]) < 1e-6);
}
