#include "ir/op.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("quantize.dynamic: weights become int8, results stay close") {
  const Module before = module_of(R"(module m (%x : f32[N,4]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,4] = [1.27, 0, 0.01, -1.27, 2.54, 0.02, 0, 1]
    @b : f32[2] = [1, 2]
    %y = linear(%x, @w, @b) {activation="relu"}
  })");
  Module m = before;
  PlainContext context;
  const PassReport report = pass_ok("quantize.dynamic", m, context);
  CHECK(report.changed);
  CHECK(print(m) == R"(module m (%x : f32[N,4]) -> (%y) symbols N in [1, 8] {
  @w : s8[2,4] int8(axis 0, scales [0.01, 0.02]) = [[127, 0, 1, -127], [127, 1, 0, 50]]
  @b : f32[2] = [1, 2]
  %y : f32[N,2] = linear(%x, @w, @b) {dynamic="row", activation="relu"}
}
)");
  const Tensor x = random_tensor({5, 4}, 3);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 0.03);
}

TEST_CASE("quantize.dynamic: a fused residual becomes an addition again, the output keeps its name") {
  const Module before = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2] = [1, 2, 3, 4]
    %y = linear(%x, @w, _, %x) {activation="relu"}
  })");
  Module m = before;
  PlainContext context;
  pass_ok("quantize.dynamic", m, context, {{"range", "tensor"}});
  CHECK(m.value(m.outputs[0]).name == "y");
  CHECK(m.order().size() == 2);
  const Tensor x = random_tensor({5, 2}, 3);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 0.05);
}

TEST_CASE("quantize.dynamic: a shared table keeps its float numbers for who else uses it") {
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y, %t) symbols N in [1, 8] {
    @w : f32[2,2] = [1, 2, 3, 4]
    %y = linear(%x, @w)
    %t = matmul(%x, @w)
  })");
  PlainContext context;
  pass_ok("quantize.dynamic", m, context);
  CHECK(m.weights.at("w").data.dtype() == DType::kF32);
  CHECK(m.weights.at("w_1").data.dtype() == DType::kS8);
  CHECK_FALSE(run_pass("quantize.dynamic", m, context, {{"include", {"op:conv"}}}));
}

TEST_CASE("quantize.dynamic: convolutions take one range for the tensor") {
  const Module before = module_of(R"(module m (%x : f32[N,2,4,4]) -> (%y) symbols N in [1, 8] {
    @w : f32[3,2,3,3] = random(1)
    %y = conv(%x, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
  })");
  Module m = before;
  PlainContext context;
  pass_ok("quantize.dynamic", m, context, {{"include", {"*"}}});
  CHECK(m.node(m.order()[0]).string("dynamic") == "tensor");
  const Tensor x = random_tensor({2, 2, 4, 4}, 3);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 0.1);
}

TEST_CASE("quantize.dynamic: a recurrent layer's matrices become int8, its biases and states stay float") {
  for (const std::string op : {"lstm", "gru", "rnn"}) {
    INFO(op);
    const int gates = op == "lstm" ? 4 : op == "gru" ? 3 : 1;
    const std::string none = op == "lstm" ? "_, _" : "_", results = op == "lstm" ? "%y, %h, %c" : "%y, %h";
    const Module before = module_of(fmt::format(R"(module m (%x : f32[N,3,4]) -> (%y, %h) symbols N in [1, 8] {{
      @i : f32[{0},4] = random(1)
      @s : f32[{0},2] = random(2)
      @j : f32[{0},4] = random(3)
      @t : f32[{0},2] = random(4)
      @b : f32[{0}] = random(5)
      {1} = {2}(%x, {3}, @i, @s, @b, @b, @j, @t, @b, @b) {{hidden=2, bidirectional=true, batch_first=true}}
    }})", 2 * gates, results, op, none));
    Module m = before;
    PlainContext context;
    const PassReport report = pass_ok("quantize.dynamic", m, context);
    CHECK(report.numbers.front().second == 1);
    CHECK(m.node(m.order()[0]).string("dynamic") == "row");
    for (const char* matrix : {"i", "s", "j", "t"}) CHECK(m.weights.at(matrix).data.dtype() == DType::kS8);
    CHECK(m.weights.at("b").data.dtype() == DType::kF32);
    const Tensor x = random_tensor({5, 3, 4}, 3);
    const auto expected = evaluate(before, {x}), found = evaluate(m, {x});
    for (size_t i = 0; i < 2; ++i) {
      CHECK(largest_difference(expected[i], found[i]) < 0.05);
      CHECK(largest_difference(expected[i], found[i]) > 0);
    }
  }
}

TEST_CASE("quantize.dynamic: a recurrent layer stays float and says why when a weight is computed, or not finite") {
  Module m = module_of(R"(module m (%x : f32[N,1,1]) -> (%y, %z) symbols N in [1, 8] {
    @w : f32[3,1] = [1, 2, inf]
    @v : f32[3,1] = [1, 2, 3]
    %r = relu(@v)
    %y, %h = gru(%x, _, @w, @v) {hidden=1, has_bias=false}
    %z, %g = gru(%x, _, @v, %r) {hidden=1, has_bias=false}
  })");
  PlainContext context;
  const PassReport report = pass_ok("quantize.dynamic", m, context);
  CHECK_FALSE(report.changed);
  REQUIRE(report.notes.size() == 2);
  CHECK(report.notes[0] == "y stays float: a weight of it holds NaN or infinity.");
  CHECK(report.notes[1] == "z stays float: a weight of it is computed by the program.");
}

TEST_CASE("quantize.dynamic: without patterns all but convolutions, and a program without such layers is told so") {
  const char* text = R"(module m (%x : f32[N,2,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2,1] = random(1)
    @v : f32[2,2] = random(2)
    %c = conv(%x, @w) {stride=[1], padding=[0,0], dilation=[1]}
    %y = linear(%c, @v)
  })";
  Module m = module_of(text);
  PlainContext context;
  pass_ok("quantize.dynamic", m, context);
  CHECK(m.weights.at("w").data.dtype() == DType::kF32);
  CHECK(m.weights.at("v").data.dtype() == DType::kS8);
  Module none = module_of("module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] { %y = relu(%x) }");
  CHECK_FALSE(run_pass("quantize.dynamic", none, context));
}
