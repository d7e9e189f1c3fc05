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
