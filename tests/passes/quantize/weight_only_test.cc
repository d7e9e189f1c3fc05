#include <limits>

#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {

Module linear_of(const std::string& shape, const std::string& data) {
  const std::string inputs = shape.substr(shape.find(',') + 1);
  return read("module m (%x : f32[N," + inputs + "]) -> (%y) symbols N in [1, 8] {\n  @w : f32[" + shape + "] = " + data + "\n  %y = linear(%x, @w)\n}");
}

const Weight& weight(const Module& m, const std::string& name) { return m.weight(m.find_value(name)); }
std::vector<double> scales(const Module& m, const std::string& name) { return to_doubles(weight(m, name).encoding.scales); }

}  // namespace

TEST_CASE("8 bits: the largest weight of a channel is 127") {
  Module m = linear_of("2,2", "[[127, -1], [0.5, -2.54]]");
  pass_ok("quantize.weight_only", m, R"({"bits": 8})");
  CHECK(weight_of(m, "w") == std::vector<double>{127, -1, 25, -127});
  CHECK(scales(m, "w") == std::vector<double>{1, 0.02F});
  CHECK(weight(m, "w").encoding.group_size == 0);
  CHECK(stored_bytes(weight(m, "w")) == 4 + 2 * 4);
}

TEST_CASE("4 bits in groups of inputs: each group has its own scale, the last one is shorter") {
  Module m = linear_of("1,5", "[[7, -3.5, 0.7, 0.07, -14]]");
  pass_ok("quantize.weight_only", m, R"({"bits": 4, "group_size": 2})");
  CHECK(weight_of(m, "w") == std::vector<double>{7, -4, 7, 1, -7});  // −3.5 is a tie: to even
  CHECK(scales(m, "w") == std::vector<double>{1, 0.1F, 2});
  CHECK(weight(m, "w").encoding.bits == 4);
  CHECK(stored_bytes(weight(m, "w")) == 3 + 3 * 4);  // five halves of a byte
}

TEST_CASE("one group as long as the channel is a scale per channel; zeros take the scale 1") {
  Module m = linear_of("2,2", "[[0, 0], [7, -7]]");
  pass_ok("quantize.weight_only", m, R"({"bits": 4})");
  CHECK(weight(m, "w").encoding.group_size == 0);
  CHECK(scales(m, "w") == std::vector<double>{1, 1});
  CHECK(weight_of(m, "w") == std::vector<double>{0, 0, 7, -7});
}

TEST_CASE("mse clips one large weight where the others gain more") {
  // Fourteen 0.5 and one 7: at the scale 1 each 0.5 rounds to 0 (tie to even) and costs 0.25.
  std::string data = "[[7";
  for (int i = 0; i < 14; ++i) data += ", 0.5";
  Module widest = linear_of("1,15", data + "]]"), least = widest;
  const double lossy = number_of(pass_ok("quantize.weight_only", widest, R"({"bits": 4, "group_size": 0})"), "relative_weight_error");
  const double better = number_of(pass_ok("quantize.weight_only", least, R"({"bits": 4, "group_size": 0, "scale": "mse"})"), "relative_weight_error");
  CHECK(scales(widest, "w") == std::vector<double>{1});
  CHECK(scales(least, "w")[0] < 1);
  CHECK(better < lossy);
}

TEST_CASE("the engine computes with the decoded weight, for linear, conv and embedding") {
  Module m = read(R"(module m (%i : i64[N,3], %x : f32[N,3,4,4]) -> (%y, %c) symbols N in [1, 8] {
  @t : f32[5,6] = random(1)
  @w : f32[3,6] = random(2)
  @b : f32[3] = random(3)
  @k : f32[2,3,3,3] = random(4)
  %e = embedding(@t, %i)
  %y = linear(%e, @w, @b) {activation="relu"}
  %c = conv(%x, @k) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
})");
  Module encoded = m;
  CHECK(number_of(pass_ok("quantize.weight_only", encoded, R"({"bits": 4, "group_size": 4})"), "weights_encoded") == 3);
  Module decoded = m;
  for (const char* name : {"t", "w", "k"}) {
    auto real = decode(weight(encoded, name));
    REQUIRE(real);
    decoded.weight(decoded.find_value(name)).data = *real;
  }
  const std::vector<Tensor> inputs{Tensor::of<int64_t>({2, 3}, {0, 4, 1, 2, 3, 0}), random_tensor({2, 3, 4, 4}, 5)};
  const auto expected = evaluate(decoded, inputs), found = evaluate(encoded, inputs);
  for (size_t i = 0; i < 2; ++i) CHECK(largest_difference(expected[i], found[i]) == 0);
  CHECK(largest_difference(evaluate(m, inputs)[0], found[0]) > 1e-4);  // it does lose something
  Module again = module_of(print(encoded));  // the encoding is in the text
  CHECK(largest_difference(evaluate(again, inputs)[0], found[0]) == 0);
}

TEST_CASE("a tied weight is encoded once; what another op reads, depthwise weights and patterns that match nothing stay") {
  Module tied = read(R"(module m (%i : i64[N]) -> (%y) symbols N in [1, 8] {
  @t : f32[5,6] = random(1)
  %e = embedding(@t, %i)
  %y = linear(%e, @t)
})");
  CHECK(number_of(pass_ok("quantize.weight_only", tied, R"({})"), "weights_encoded") == 1);
  Module read_twice = read(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
  @w : f32[2,2] = random(1)
  %a = linear(%x, @w)
  %y = matmul(%a, @w)
})");
  const PassReport none = pass_ok("quantize.weight_only", read_twice, R"({})");
  CHECK_FALSE(none.changed);
  CHECK(none.notes.at(0) == "a stays as it is: y (matmul) reads its weight too, as f32");
  Module depthwise = read(R"(module m (%x : f32[N,2,4,4]) -> (%y) symbols N in [1, 8] {
  @w : f32[2,1,3,3] = random(1)
  %y = conv(%x, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=2}
})");
  CHECK_FALSE(pass_ok("quantize.weight_only", depthwise, R"({})").changed);
  CHECK(pass_refused("quantize.weight_only", tied, R"({"include": ["nothing"]})").find("nothing") != std::string::npos);
}

TEST_CASE("zeros of a pattern stay zeros, and numbers that are none are named") {
  Module m = linear_of("1,4", "[[1, 0, -3, 0]]");
  m.weight(m.find_value("w")).encoding.sparsity = Encoding::Sparsity::kUnstructured;
  pass_ok("quantize.weight_only", m, R"({"bits": 4})");
  CHECK(weight_of(m, "w")[1] == 0);
  CHECK(weight(m, "w").encoding.sparsity == Encoding::Sparsity::kUnstructured);
  Module broken = linear_of("1,2", "[[1, 2]]");
  broken.weight(broken.find_value("w")).data.mutable_values<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(pass_refused("quantize.weight_only", broken, R"({})") == "w: expected finite weights, found NaN or infinity");
  const Pass* pass = find_pass("quantize.weight_only");
  CHECK_FALSE(pass->check({{"bits", 5}}, ""));
  CHECK_FALSE(pass->check({{"group_size", 33}}, ""));
}

TEST_CASE("a budget gives 4 bits to the layer that loses nothing, and more to the one that would") {
  // a is ±7 times a number, so 4 bits hold it; b is not. 64 weights each: 256 bytes, 96 in 8 bits, 64 in 4 (32 and eight scales).
  std::string exact;
  for (int i = 0; i < 64; ++i) exact += fmt::format("{}{}", i == 0 ? "" : ", ", i % 8 == i / 8 ? 7 : i % 3 - 1);
  const Module m = read("module m (%x : f32[N,8]) -> (%y) symbols N in [1, 64] {\n  @a : f32[8,8] = [" + exact + R"(]
  @b : f32[8,8] = random(2)
  %h = linear(%x, @a)
  %y = linear(%h, @b)
})");
  const Samples data({random_tensor({32, 8}, 5)});
  const auto bits = [](const Module& module, const char* name) {
    const Encoding& e = weight(module, name).encoding;
    return e.kind == Encoding::Kind::kInt ? e.bits : 32;
  };
  Module mixed = m;
  const PassReport report = pass_ok("quantize.weight_only", mixed, R"({"budget": {"weight_bytes": 160}})", &data);
  CHECK(bits(mixed, "a") == 4);
  CHECK(bits(mixed, "b") == 8);
  CHECK(number_of(report, "weight_bytes") == 160);
  CHECK(number_of(report, "layers_in_8_bits") == 1);
  CHECK(report.notes.at(0).find("b keeps 8 bits: 4 bits would save 32 bytes and change the outputs by ") == 0);
  // Only b's rounding changes anything, so the prediction is what is found.
  const Tensor x = random_tensor({32, 8}, 5);
  const auto y = to_doubles(evaluate(mixed, {x})[0]), y0 = to_doubles(evaluate(m, {x})[0]);
  double error = 0, size = 0;
  for (size_t i = 0; i < y.size(); ++i) error += (y[i] - y0[i]) * (y[i] - y0[i]), size += y0[i] * y0[i];
  CHECK(number_of(report, "predicted_output_change") == Approx(std::sqrt(error / size)));
  Module half = m;
  pass_ok("quantize.weight_only", half, R"({"budget": {"ratio": 0.625}})", &data);  // 320 bytes: a in 4 bits, b as it is
  CHECK(bits(half, "a") == 4);
  CHECK(bits(half, "b") == 32);
  Module least = m;
  const PassReport missed = pass_ok("quantize.weight_only", least, R"({"budget": {"weight_bytes": 100}})", &data);
  CHECK(bits(least, "b") == 4);
  CHECK(missed.notes.back() == "The budget of 100 bytes is missed by 28: every layer has the fewest bits it may get.");
  Module eight = m;
  pass_ok("quantize.weight_only", eight, R"({"bits": 8, "budget": {"weight_bytes": 100}})", &data);
  CHECK(bits(eight, "b") == 8);
  Module all = m;
  const PassReport nothing = pass_ok("quantize.weight_only", all, R"({"budget": {"ratio": 1}})", &data);
  CHECK_FALSE(nothing.changed);
}

TEST_CASE("a budget needs data and one bound; patterns keep 8 bits without one") {
  Module m = linear_of("2,2", "[[7, -1], [3, 7]]");
  CHECK(pass_refused("quantize.weight_only", m, R"({"budget": {"ratio": 0.5}})").find("a budget measures the layers' sensitivity on calibration data") == 0);
  const Pass* pass = find_pass("quantize.weight_only");
  CHECK_FALSE(pass->check({{"budget", nlohmann::json::object()}}, ""));
  CHECK_FALSE(pass->check({{"budget", {{"ratio", 0.5}, {"weight_bytes", 9}}}}, ""));
  CHECK_FALSE(pass->check({{"budget", {{"ratio", 0.5}}}, {"int8", {"y"}}}, ""));
  Module two = read(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
  @a : f32[2,2] = random(1)
  @b : f32[2,2] = random(2)
  %h = linear(%x, @a)
  %y = linear(%h, @b)
})");
  pass_ok("quantize.weight_only", two, R"({"bits": 4, "int8": ["y"]})");
  CHECK(weight(two, "a").encoding.bits == 4);
  CHECK(weight(two, "b").encoding.bits == 8);
}
