#include "ir/op.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

constexpr const char* kHead = R"(module m (%q : f32[N,2,3,4], %k : f32[N,2,5,4], %v : f32[N,2,5,6], %bias : f32[N,1,3,5]) -> (%y) symbols N in [1, 8] {
  @eight : f32[] buffer = 8
  @half : f32[] buffer = 0.5
  @hide : f32[] buffer = -1e30
  @little : f32[] buffer = -1e4
  @zero : f32[] buffer = 0
)";

// The text after the pass, which must give the same numbers.
std::string raised(const std::string& body) {
  Module m = module_of(kHead + body + "\n}");
  const Module before = m;
  PlainContext context;
  pass_ok("graph.attention", m, context);
  const std::vector<Tensor> inputs{random_tensor({2, 2, 3, 4}, 1), random_tensor({2, 2, 5, 4}, 2), random_tensor({2, 2, 5, 6}, 3), random_tensor({2, 1, 3, 5}, 4)};
  CHECK(largest_difference(evaluate(before, inputs)[0], evaluate(m, inputs)[0]) < 1e-5);
  std::string ops;
  for (const NodeId id : m.order()) ops += std::string(m.node(id).op->name) + " ";
  return ops;
}

double scale_of(const std::string& body) {
  Module m = module_of(kHead + body + "\n}");
  PlainContext context;
  pass_ok("graph.attention", m, context);
  for (const NodeId id : m.order()) {
    if (m.node(id).op->name == "attention") return m.node(id).number("scale");
  }
  return 0;
}

const std::string kPlain = R"(
  %t = permute(%k) {perm=[0,1,3,2]}
  %s = matmul(%q, %t)
  %d = div(%s, @eight)
  %p = softmax(%d) {axis=3}
  %y = matmul(%p, %v))";

}  // namespace

TEST_CASE("graph.attention: scaled scores, softmax and values become one op") {
  CHECK(raised(kPlain) == "attention ");
  CHECK(scale_of(kPlain) == 0.125);
  CHECK(raised(R"(%s = matmul(%q, %k) {transpose_b=true}
                  %p = softmax(%s) {axis=3}
                  %y = matmul(%p, %v))") == "attention ");
}

TEST_CASE("graph.attention: the scale may stand on q, on k and on both, and on either side of mul") {
  const std::string both = R"(%a = mul(%q, @half)
                              %b = mul(@half, %k)
                              %s = matmul(%a, %b) {transpose_b=true}
                              %p = softmax(%s) {axis=3}
                              %y = matmul(%p, %v))";
  CHECK(raised(both) == "attention ");
  CHECK(scale_of(both) == 0.25);
}

TEST_CASE("graph.attention: added and hiding masks") {
  CHECK(raised(R"(%s = matmul(%q, %k) {transpose_b=true}
                  %d = div(%s, @eight)
                  %m = add(%bias, %d)
                  %p = softmax(%m) {axis=3}
                  %y = matmul(%p, %v))") == "attention ");
  for (const char* where : {"where(%keep, %d, @hide)", "where(%keep, @hide, %d)"}) {
    CHECK(raised(std::string("%keep = gt(%bias, @zero)\n%s = matmul(%q, %k) {transpose_b=true}\n%d = div(%s, @eight)\n%m = ") + where +
                 "\n%p = softmax(%m) {axis=3}\n%y = matmul(%p, %v)") == "gt where attention ");
  }
}

TEST_CASE("graph.attention: three axes are one head") {
  Module m = module_of(R"(module m (%q : f32[N,3,4], %k : f32[N,5,4], %bias : f32[N,3,5]) -> (%y) symbols N in [1, 8] {
    %s = matmul(%q, %k) {transpose_b=true}
    %m = add(%s, %bias)
    %p = softmax(%m) {axis=2}
    %y = matmul(%p, %k)
  })");
  const Module before = m;
  PlainContext context;
  CHECK(pass_ok("graph.attention", m, context).changed);
  const std::vector<Tensor> inputs{random_tensor({2, 3, 4}, 1), random_tensor({2, 5, 4}, 2), random_tensor({2, 3, 5}, 4)};
  CHECK(largest_difference(evaluate(before, inputs)[0], evaluate(m, inputs)[0]) < 1e-5);
}

TEST_CASE("graph.attention: what only looks like it stays") {
  // Somebody else reads the probabilities.
  CHECK(raised(R"(%s = matmul(%q, %k) {transpose_b=true}
                  %p = softmax(%s) {axis=3}
                  %z = matmul(%p, %v)
                  %r = reduce_sum(%p) {axes=[3], keep_dims=true}
                  %y = add(%z, %r))") == "matmul softmax matmul reduce_sum add ");
  // Softmax over the queries; a mask that does not hide; a scale that is learned.
  CHECK(raised(R"(%s = matmul(%q, %k) {transpose_b=true}
                  %p = softmax(%s) {axis=2}
                  %y = matmul(%p, %v))") == "matmul softmax matmul ");
  CHECK(raised(R"(%keep = gt(%bias, @zero)
                  %s = matmul(%q, %k) {transpose_b=true}
                  %m = where(%keep, %s, @little)
                  %p = softmax(%m) {axis=3}
                  %y = matmul(%p, %v))") == "gt matmul where softmax matmul ");
  CHECK(raised(R"(@learned : f32[] = 2
                  %s = matmul(%q, %k) {transpose_b=true}
                  %d = mul(%s, @learned)
                  %p = softmax(%d) {axis=3}
                  %y = matmul(%p, %v))") == "matmul mul softmax matmul ");
}

TEST_CASE("graph.attention: keys and values repeated for groups of queries are read once") {
  Module m = module_of(R"(module m (%q : f32[N,4,3,2], %k : f32[N,2,5,2], %v : f32[N,2,5,2]) -> (%y) symbols N in [1, 8] {
    %k5 = reshape(%k) {shape=[N,2,1,5,2]}
    %kw = expand(%k5) {shape=[N,2,2,5,2]}
    %kr = reshape(%kw) {shape=[N,4,5,2]}
    %v5 = reshape(%v) {shape=[N,2,1,5,2]}
    %vw = expand(%v5) {shape=[N,2,2,5,2]}
    %vr = reshape(%vw) {shape=[N,4,5,2]}
    %y = attention(%q, %kr, %vr) {scale=0.5}
  })");
  const Module before = m;
  PlainContext context;
  CHECK(pass_ok("graph.attention", m, context).changed);
  CHECK(m.order().size() == 1);
  const std::vector<Tensor> inputs{random_tensor({2, 4, 3, 2}, 1), random_tensor({2, 2, 5, 2}, 2), random_tensor({2, 2, 5, 2}, 3)};
  CHECK(largest_difference(evaluate(before, inputs)[0], evaluate(m, inputs)[0]) < 1e-5);
}
