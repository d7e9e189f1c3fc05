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

TEST_CASE("N of M: the smallest of each group of input channels, tap by tap, exactly") {
  Module m = read(R"(module m (%x : f32[N,4]) -> (%a) symbols N in [1, 8] {
  @a.w : f32[2,4] = [[1, -2, 3, 0.5], [2, 2, 2, 2]]
  %a = linear(%x, @a.w)
})");
  pass_ok("prune.weight", m, R"({"pattern": "2:4"})");
  CHECK(weight_of(m, "a.w") == std::vector<double>{0, -2, 3, 0, 0, 0, 2, 2});  // among equals the first go
  CHECK(m.weight(m.find_value("a.w")).encoding.sparsity == Encoding::Sparsity::kNofM);
  CHECK(m.weight(m.find_value("a.w")).encoding.n == 2);
  // Along the input channels of one tap, not along the taps: channels (1, 2) at tap 0 and (4, 3) at tap 1.
  Module conv = read(R"(module m (%x : f32[N,2,1,4]) -> (%a) symbols N in [1, 8] {
  @a.w : f32[1,2,1,2] = [[[[1, 4]], [[2, 3]]]]
  %a = conv(%x, @a.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
})");
  pass_ok("prune.weight", conv, R"({"pattern": "1:2"})");
  CHECK(weight_of(conv, "a.w") == std::vector<double>{0, 4, 2, 0});
}

TEST_CASE("a weight whose inputs are no whole groups is left dense and named; so is a ratio beside N:M") {
  Module m = read(R"(module m (%x : f32[N,3]) -> (%a) symbols N in [1, 8] {
  @a.w : f32[1,3] = [[1, 2, 3]]
  %a = linear(%x, @a.w)
})");
  const PassReport report = pass_ok("prune.weight", m, R"({"pattern": "2:4"})");
  CHECK_FALSE(report.changed);
  CHECK(report.notes.at(0) == "a.w was left dense: its 3 input channels are no whole number of groups of 4");
  const Pass* pass = find_pass("prune.weight");
  CHECK_FALSE(pass->check({{"pattern", "2:4"}, {"ratio", 0.5}}, ""));
  CHECK_FALSE(pass->check({{"pattern", "4:2"}}, ""));
  CHECK_FALSE(pass->check({{"pattern", "2by4"}}, ""));
  CHECK_FALSE(pass->check({{"pattern", "2:4x"}}, ""));
  CHECK_FALSE(pass->check({{"importance", "movement"}}, ""));
  CHECK(pass->check({{"pattern", "16x1"}, {"ratio", 0.9}}, ""));
}

TEST_CASE("blocks go and stay as one, by their mean size; those at the edge are smaller") {
  Module m = read(R"(module m (%x : f32[N,2]) -> (%a) symbols N in [1, 8] {
  @a.w : f32[3,2] = [[1, 4], [1, 0], [3, -1.5]]
  %a = linear(%x, @a.w)
})");
  // Blocks of 2 outputs by 1 input: means 1, 2 above and 3, 1.5 in the last row.
  pass_ok("prune.weight", m, R"({"pattern": "2x1", "ratio": 0.5})");
  CHECK(weight_of(m, "a.w") == std::vector<double>{0, 4, 0, 0, 3, 0});
  CHECK(m.weight(m.find_value("a.w")).encoding.sparsity == Encoding::Sparsity::kBlock);
}

TEST_CASE("the report says whether a kernel uses the zeros") {
  Module single = two_linears(), panels = two_linears();
  CHECK(pass_ok("prune.weight", single, R"({})").notes.back().find("no sparse kernel runs") == 0);
  CHECK(pass_ok("prune.weight", panels, R"({"pattern": "16x1"})").notes.back().find("1x1 convolutions skip these blocks") != std::string::npos);
}

TEST_CASE("sensitivity: the layer that the output does not need gives all of the zeros") {
  Module m = read(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[2,2] = [[1, 2], [3, 4]]
  @b.w : f32[2,2] = [[1, 2], [3, 4]]
  @none : f32[2] = [0, 0]
  %a = linear(%x, @a.w)
  %b = linear(%x, @b.w)
  %c = mul(%b, @none)
  %y = add(%a, %c)
})");
  const Samples data = literal_samples({2, 2}, {1, 2, -1, 1});
  pass_ok("prune.weight", m, R"({"ratio": 0.5, "scope": "sensitivity"})", &data);
  CHECK(weight_of(m, "a.w") == std::vector<double>{1, 2, 3, 4});
  CHECK(weight_of(m, "b.w") == std::vector<double>{0, 0, 0, 0});
  Module without = two_linears();
  CHECK(pass_refused("prune.weight", without, R"({"scope": "sensitivity"})").find("calibration data") != std::string::npos);
}
