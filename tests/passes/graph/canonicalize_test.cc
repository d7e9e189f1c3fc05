#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

std::string canonical(const std::string& body) {
  Module m = module_of("module m (%x : f32[N,2,3]) -> (%y) symbols N in [1, 8] {\n" + body + "\n}");
  const Module before = m;
  PlainContext context;
  pass_ok("graph.canonicalize", m, context);
  const Tensor x = random_tensor({2, 2, 3}, 5);
  CHECK(largest_difference(evaluate(before, {x})[0], evaluate(m, {x})[0]) < 1e-5);
  const std::string text = print(m, {.types = false});
  const auto start = text.find("{\n") + 2;
  return text.substr(start, text.rfind("}\n") - start);
}

}  // namespace

TEST_CASE("graph.canonicalize: nodes that change nothing go") {
  CHECK(canonical(R"(%a = reshape(%x) {shape=[N,2,3]}
                     %b = permute(%a) {perm=[0,1,2]}
                     %c = slice(%b) {axis=1, start=0, end=2, step=1}
                     %d = pad(%c) {padding=[0,0,0,0,0,0]}
                     %e = cast(%d) {dtype="f32"}
                     %f = concat(%e) {axis=0}
                     @one : f32[] buffer = 1
                     %g = mul(@one, %f)
                     %h = div(%g, @one)
                     %y = exp(%h))") == "  %y = exp(%x)\n");
}

TEST_CASE("graph.canonicalize: a resize to the own size goes") {
  CHECK(canonical("%a = reshape(%x) {shape=[N,1,2,3]}\n%b = resize(%a) {size=[2,3], mode=\"bilinear\"}\n%y = exp(%b)") == "  %a = reshape(%x) {shape=[N,1,2,3]}\n  %y = exp(%a)\n");
  CHECK(canonical("%a = reshape(%x) {shape=[N,1,2,3]}\n%b = resize(%a) {size=[3,3]}\n%y = exp(%b)").find("resize(%a)") != std::string::npos);
}

TEST_CASE("graph.canonicalize: views of views are one view") {
  CHECK(canonical("%a = reshape(%x) {shape=[N,6]}\n%y = reshape(%a) {shape=[N,3,2]}") ==
        "  %y = reshape(%x) {shape=[N,3,2]}\n");
  CHECK(canonical("%a = permute(%x) {perm=[1,2,0]}\n%b = permute(%a) {perm=[1,0,2]}\n%y = exp(%b)") ==
        "  %b = permute(%x) {perm=[2,1,0]}\n  %y = exp(%b)\n");
  CHECK(canonical("%a = permute(%x) {perm=[1,2,0]}\n%b = permute(%a) {perm=[2,0,1]}\n%y = exp(%b)") ==
        "  %y = exp(%x)\n");
}

TEST_CASE("graph.canonicalize: constants are computed") {
  CHECK(canonical(R"(@two : f32[] buffer = 2
                     @v : f32[3] buffer = [1, 2, 3]
                     %c = mul(@v, @two)
                     %d = add(%c, @two)
                     %y = mul(%x, %d))") == "  @d : f32[3] buffer = [4, 6, 8]\n  %y = mul(%x, @d)\n");
  // Counting up is a constant too, when its length is.
  CHECK(canonical(R"(%i = iota() {length=3, start=1, step=2, dtype="f32"}
                     %y = mul(%x, %i))") == "  @i : f32[3] buffer = [1, 3, 5]\n  %y = mul(%x, @i)\n");
}

TEST_CASE("graph.canonicalize: trained weights fold through views only when nothing else uses them") {
  CHECK(canonical("@w : f32[3,3] = [1, 2, 3, 4, 5, 6, 7, 8, 9]\n%t = permute(@w) {perm=[1,0]}\n%y = linear(%x, %t)") ==
        "  @t : f32[3,3] = [[1, 4, 7], [2, 5, 8], [3, 6, 9]]\n  %y = linear(%x, @t)\n");
  CHECK(canonical("@w : f32[3,3] = ones\n%t = permute(@w) {perm=[1,0]}\n%a = linear(%x, %t)\n%y = linear(%a, @w)")
            .find("permute") != std::string::npos);
  CHECK(canonical("@w : f32[3] = ones\n%e = exp(@w)\n%y = mul(%x, %e)").find("exp(@w)") != std::string::npos);
}

// The shared projection of torch.nn's cross-attention: queries from one sequence, keys from another.
TEST_CASE("graph.canonicalize: a trained weight that is only cut into parts becomes those parts") {
  const std::string cut = "@w : f32[4,3] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]\n%a = slice(@w) {axis=0, start=0, end=3, step=1}\n";
  CHECK(canonical(cut + "%b = slice(@w) {axis=0, start=3, end=4, step=1}\n%c = linear(%x, %a)\n%y = linear(%c, %b)") ==
        "  @a : f32[3,3] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]\n  %c = linear(%x, @a)\n  @b : f32[1,3] = [[10, 11, 12]]\n  %y = linear(%c, @b)\n");
  // Parts that overlap, other uses of the whole: copies would train apart.
  CHECK(canonical(cut + "%b = slice(@w) {axis=0, start=2, end=4, step=1}\n%c = linear(%x, %a)\n%y = linear(%c, %b)").find("slice(@w)") != std::string::npos);
  CHECK(canonical(cut + "%c = linear(%x, %a)\n%y = linear(%c, @w)").find("slice(@w)") != std::string::npos);
  CHECK(canonical(cut + "%b = slice(@w) {axis=1, start=1, end=2, step=1}\n%c = linear(%x, %a)\n%d = reduce_sum(%b) {axes=[0]}\n%y = add(%c, %d)").find("slice(@w)") !=
        std::string::npos);
}

TEST_CASE("graph.canonicalize: dead code goes, outputs keep their names") {
  CHECK(canonical("%y = exp(%x)\n%dead = relu(%x)\n@unused : f32[2] = zeros") == "  %y = exp(%x)\n");
  CHECK(canonical("%y = reshape(%x) {shape=[N,2,3]}") == "  %y = reshape(%x) {shape=[N,2,3]}\n");
  CHECK(canonical("%y = slice(%x) {axis=1, start=0, end=1, step=1}") == "  %y = slice(%x) {axis=1, start=0, end=1}\n");
}
