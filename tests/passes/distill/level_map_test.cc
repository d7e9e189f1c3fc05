#include "passes/distill/level_map.h"

#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// A residual network: `blocks` of two convolutions at 8x8, then as many at 4x4.
Module residual(int blocks, int channels) {
  std::string weights = fmt::format("@stem : f32[{0},1,3,3] = random(1)\n@down : f32[{1},{0},3,3] = random(2)\n@head : f32[2,{1}] = random(3)\n", channels, 2 * channels), body;
  const std::string conv = "{stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}";
  body += "%stem_out = conv(%x, @stem) " + conv + "\n";
  std::string last = "stem_out";
  int width = channels;
  for (int stage = 0; stage < 2; ++stage) {
    if (stage == 1) {
      body += "%down_out = conv(%" + last + ", @down) {stride=[2,2], padding=[1,1,1,1], dilation=[1,1]}\n";
      last = "down_out", width = 2 * channels;
    }
    for (int b = 0; b < blocks; ++b) {
      const std::string n = fmt::format("s{}b{}", stage, b);
      weights += fmt::format("@{0}w1 : f32[{1},{1},3,3] = random(4)\n@{0}w2 : f32[{1},{1},3,3] = random(5)\n", n, width);
      body += fmt::format("%{0}a = conv(%{1}, @{0}w1) {2}\n%{0}r = relu(%{0}a)\n%{0}b = conv(%{0}r, @{0}w2) {2}\n%{0}s = add(%{0}b, %{1})\n%{0}o = relu(%{0}s)\n", n, last, conv);
      last = n + "o";
    }
  }
  body += fmt::format("%pool = adaptive_avg_pool(%{}) {{output_size=[1,1]}}\n%flat = reshape(%pool) {{shape=[N, {}]}}\n%y = linear(%flat, @head)\n", last, 2 * channels);
  return module_of("module m (%x : f32[N,1,8,8]) -> (%y) symbols N in [1, 64] {\n" + weights + body + "}");
}

std::string text(const std::vector<Level>& levels) {
  std::string out;
  for (const Level& l : levels) out += l.student + "=" + l.teacher + " ";
  return out;
}

}  // namespace

TEST_CASE("narrow places of a residual network lie around its blocks, not in them") {
  const Module m = residual(1, 4);
  std::string names;
  for (const ValueId id : narrow_places(m)) names += m.value(id).name + " ";
  CHECK(names == "stem_out s0b0s s0b0o down_out s1b0s s1b0o pool flat ");
}

TEST_CASE("a shallow network is compared with a deep one at the end of each resolution, and in between at the same share") {
  const Module student = residual(1, 4), teacher = residual(4, 4);
  CHECK(text(propose_levels(student, teacher, 2)) == "s0b0o=s0b3o s1b0o=s1b3o ");
  CHECK(text(propose_levels(student, teacher, 1)) == "s1b0o=s1b3o ");  // the end of the last stage; 1x1 after pooling does not count
}

TEST_CASE("networks that share no shape have no levels, and that is told") {
  const Module student = module_of("module a (%x : f32[N,2]) -> (%y) symbols N in [1, 9] { @w : f32[2,2] = zeros %y = linear(%x, @w) }");
  CHECK(propose_levels(student, student, 3).empty());  // an output is no hidden value
}

TEST_CASE("a mask that lives through the whole network does not hide its narrow places") {
  const Module m = module_of(R"(module m (%x : f32[N,T,8], %mask : f32[N,T,1]) -> (%y) symbols N in [1, 9], T in [1, 9] {
    @w : f32[8,8] = random(1)
    @v : f32[8,8] = random(2)
    %soft = sigmoid(%mask)
    %a = linear(%x, @w)
    %b = mul(%a, %soft)
    %c = add(%b, %a)
    %d = linear(%c, @v)
    %e = mul(%d, %soft)
    %y = relu(%e)
  })");
  std::string names;
  for (const ValueId id : narrow_places(m)) names += m.value(id).name + " ";
  CHECK(names == "soft a c d e ");
}

TEST_CASE("pairs that a loss cannot compare are told before the first step") {
  const Module student = residual(1, 4), teacher = residual(1, 8);
  const auto levels = checked_levels(student, teacher, {{"s0b0o", "s0b0o"}}, "mse");
  REQUIRE(levels);
  CHECK((*levels)[0].student_channels == 4);
  CHECK((*levels)[0].teacher_channels == 8);
  CHECK(checked_levels(student, teacher, {{"s0b0o", "s1b0o"}}, "attention_map").error().message ==
        "s0b0o (f32[N,4,8,8]) cannot be compared with the teacher's s1b0o (f32[N,16,4,4]) by attention_map: expected the same sizes apart from the channels");
  CHECK(checked_levels(student, teacher, {{"s0b0o", "s1b0o"}}, "similarity"));  // only the samples matter
  CHECK(checked_levels(student, teacher, {{"s0b0o", "nothing"}}, "mse").error().message == "the teacher has no node called \"nothing\"; fastc inspect MODEL --text lists them");
}
