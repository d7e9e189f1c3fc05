#include "ir/op.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// The ops after the pass, which must give the same numbers.
std::string raised(const std::string& body) {
  Module m = module_of(R"(module m (%x : f32[N,2,3]) -> (%y) symbols N in [1, 8] {
    @eps : f32[] buffer = 0.001
    @two : f32[] buffer = 2
    @a.norm.weight : f32[3] = [1, -2, 3]
)" + body + "\n}");
  const Module before = m;
  PlainContext context;
  pass_ok("graph.norm", m, context);
  const Tensor x = random_tensor({2, 2, 3}, 5);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 1e-5);
  std::string out;
  for (const NodeId id : m.order()) out += fmt::format("{}:{} ", m.node(id).name, m.node(id).op->name);
  return out;
}

const std::string kSteps = R"(
    %s = mul(%x, %x)
    %m = reduce_mean(%s) {axes=[2], keep_dims=true}
    %e = add(%m, @eps)
    %r = rsqrt(%e)
)";

}  // namespace

TEST_CASE("graph.norm: root mean square, with and without a weight") {
  CHECK(raised(kSteps + "%n = mul(%x, %r)\n%y = mul(@a.norm.weight, %n)") == "a.norm:rms_norm ");
  CHECK(raised(kSteps + "%n = mul(%r, %x)\n%y = relu(%n)") == "rms_norm_1:rms_norm y:relu ");
  CHECK(raised(R"(%s = pow(%x, @two)
                  %m = reduce_mean(%s) {axes=[2], keep_dims=true}
                  %e = add(@eps, %m)
                  %r = rsqrt(%e)
                  %n = mul(%x, %r)
                  %y = mul(%n, @a.norm.weight))") == "a.norm:rms_norm ");
}

TEST_CASE("graph.norm: what only looks like it stays") {
  // Over another axis; somebody else reads the mean; another value is scaled.
  CHECK(raised("%s = mul(%x, %x)\n%m = reduce_mean(%s) {axes=[1], keep_dims=true}\n%e = add(%m, @eps)\n%r = rsqrt(%e)\n%y = mul(%x, %r)") ==
        "s:mul m:reduce_mean e:add r:rsqrt y:mul ");
  CHECK(raised(kSteps + "%n = mul(%x, %r)\n%y = add(%n, %m)") == "s:mul m:reduce_mean e:add r:rsqrt n:mul y:add ");
  CHECK(raised("%z = relu(%x)\n" + kSteps + "%y = mul(%z, %r)") == "z:relu s:mul m:reduce_mean e:add r:rsqrt y:mul ");
}
