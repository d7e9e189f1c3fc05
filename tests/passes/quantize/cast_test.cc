#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {
Module one_linear(const std::string& data) {
  return read("module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {\n  @w : f32[1,2] = " + data + "\n  @b : f32[1] = [0.1]\n  %y = linear(%x, @w, @b)\n}");
}
DType dtype_of_weight(const Module& m, const std::string& name) { return m.weight(m.find_value(name)).data.dtype(); }
}  // namespace

TEST_CASE("weights become 16-bit floats, to nearest with ties to even; biases stay") {
  Module half = one_linear("[[1.00048828125, 0.1]]"), brain = half;  // 1 + 2^-11: half way between two halves
  pass_ok("quantize.cast", half, R"({"dtype": "f16"})");
  CHECK(weight_of(half, "w") == std::vector<double>{1, 0.0999755859375});
  CHECK(dtype_of_weight(half, "b") == DType::kF32);
  pass_ok("quantize.cast", brain, R"({"dtype": "bf16"})");
  CHECK(weight_of(brain, "w") == std::vector<double>{1, 0.10009765625});
  CHECK(stored_bytes(brain.weight(brain.find_value("w"))) == 4);
  const Tensor x = Tensor::of<float>({1, 2}, {1, 10});
  CHECK(to_doubles(evaluate(half, {x})[0])[0] == Approx(1 + 0.999755859375 + 0.1F));
}

TEST_CASE("a number that f16 cannot hold keeps its weight f32; bf16 holds it") {
  Module m = one_linear("[[70000, 1]]"), brain = m;
  const PassReport report = pass_ok("quantize.cast", m, R"({"dtype": "f16"})");
  CHECK_FALSE(report.changed);
  CHECK(dtype_of_weight(m, "w") == DType::kF32);
  CHECK(report.notes.at(0).find("w stays f32") == 0);
  CHECK(pass_ok("quantize.cast", brain, R"({"dtype": "bf16"})").changed);
  Module largest = one_linear("[[65519, 1]]");  // rounds down to 65504
  pass_ok("quantize.cast", largest, R"({"dtype": "f16"})");
  CHECK(weight_of(largest, "w")[0] == 65504);
}

TEST_CASE("what an embedding gives is widened again, under its old name where it is an output") {
  Module m = read(R"(module m (%i : i64[N]) -> (%e, %y) symbols N in [1, 8] {
  @t : f32[5,6] = random(1)
  %e = embedding(@t, %i)
  %y = linear(%e, @t)
})");
  const Module original = m;
  pass_ok("quantize.cast", m, R"({})");
  const Tensor i = Tensor::of<int64_t>({3}, {4, 0, 4});
  const auto before = evaluate(original, {i}), after = evaluate(m, {i});
  CHECK(after[0].dtype() == DType::kF32);
  CHECK(m.value(m.outputs[0]).name == "e");
  CHECK(largest_difference(before[0], after[0]) < 1e-3);
  CHECK(largest_difference(before[1], after[1]) < 1e-2);
  CHECK(largest_difference(before[0], after[0]) > 0);
}
