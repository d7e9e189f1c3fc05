#include <limits>

#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {
Module two_linears() {
  return read(R"(module m (%x : f32[N,2]) -> (%b) symbols N in [1, 8] {
  @a.w : f32[2,2] = [[0.1, -3], [2, 0.5]]
  @a.b : f32[2] = [0.01, 0.02]
  @b.w : f32[1,2] = [[-10, 5]]
  %a = linear(%x, @a.w, @a.b)
  %b = linear(%a, @b.w)
})");
}
}  // namespace

TEST_CASE("the smallest weights of the whole network become zero and stay so by their encoding") {
  Module m = two_linears();
  const PassReport report = pass_ok("prune.weight", m, R"({"ratio": 0.5})");
  CHECK(weight_of(m, "a.w") == std::vector<double>{0, -3, 0, 0});
  CHECK(weight_of(m, "b.w") == std::vector<double>{-10, 5});
  CHECK(weight_of(m, "a.b") == std::vector<double>{0.01F, 0.02F});  // biases stay
  CHECK(m.weight(m.find_value("a.w")).encoding.sparsity == Encoding::Sparsity::kUnstructured);
  CHECK(number_of(report, "weights_zero") == 3);
}

TEST_CASE("the same share of every layer") {
  Module m = two_linears();
  pass_ok("prune.weight", m, R"({"ratio": 0.5, "scope": "layer"})");
  CHECK(weight_of(m, "a.w") == std::vector<double>{0, -3, 2, 0});
  CHECK(weight_of(m, "b.w") == std::vector<double>{-10, 0});
}

TEST_CASE("ratio 0 and 1, ties and odd counts") {
  Module m = two_linears();
  const std::string before = print(m);
  CHECK_FALSE(pass_ok("prune.weight", m, R"({"ratio": 0})").changed);
  CHECK(print(m) == before);
  pass_ok("prune.weight", m, R"({"ratio": 1})");
  CHECK(weight_of(m, "b.w") == std::vector<double>{0, 0});
  Module ties = read(R"(module m (%x : f32[N,3]) -> (%a) symbols N in [1, 8] {
  @a.w : f32[1,3] = [[1, -1, 1]]
  %a = linear(%x, @a.w)
})");
  pass_ok("prune.weight", ties, R"({"ratio": 0.5})");  // floor(1.5) = 1: the first
  CHECK(weight_of(ties, "a.w") == std::vector<double>{0, -1, 1});
}

TEST_CASE("patterns, shared weights, and copies of the module") {
  Module m = two_linears();
  const Module original = m;
  pass_ok("prune.weight", m, R"({"ratio": 0.5, "include": ["b"]})");
  CHECK(weight_of(m, "a.w") == weight_of(original, "a.w"));
  CHECK(weight_of(m, "b.w") == std::vector<double>{-10, 0});
  CHECK(weight_of(original, "b.w") == std::vector<double>{-10, 5});  // the original is not written through
  CHECK(pass_refused("prune.weight", m, R"({"include": ["c"]})").find("\"c\"") != std::string::npos);
  Module shared = read(R"(module m (%x : f32[N,2]) -> (%b) symbols N in [1, 8] {
  @w : f32[2,2] = [[1, 2], [3, 4]]
  %a = linear(%x, @w)
  %b = linear(%a, @w)
})");
  CHECK(number_of(pass_ok("prune.weight", shared, R"({"ratio": 0.5})"), "weights_total") == 4);
  CHECK(weight_of(shared, "w") == std::vector<double>{0, 0, 3, 4});
}

TEST_CASE("weights that are not numbers are named") {
  Module m = two_linears();
  m.weight(m.find_value("b.w")).data.mutable_values<float>()[0] = std::numeric_limits<float>::infinity();
  const auto refused = run_pass("prune.weight", m, R"({"ratio": 0.5})");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("b.w: expected finite weights") == 0);
  CHECK(weight_of(m, "a.w")[0] != 0);
}
