#include "passes/prune/blocks.h"
#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {
// Three blocks y = relu(x + w·x) of factors 0.01, 1 and 0.1, and a last layer.
Module three_blocks() {
  return read(R"(module m (%x : f32[N,1]) -> (%fc) symbols N in [1, 8] {
  @b0.w : f32[1,1] = [[0.01]]
  @b1.w : f32[1,1] = [[1]]
  @b2.w : f32[1,1] = [[0.1]]
  @fc.w : f32[1,1] = [[1]]
  %in = relu(%x)
  %b0.f = linear(%in, @b0.w)
  %b0.add = add(%b0.f, %in)
  %b0.relu = relu(%b0.add)
  %b1.f = linear(%b0.relu, @b1.w)
  %b1.add = add(%b0.relu, %b1.f)
  %b1.relu = relu(%b1.add)
  %b2.f = linear(%b1.relu, @b2.w, _, %b1.relu) {activation="relu"}
  %fc = linear(%b2.f, @fc.w)
})");
}
const Samples& data() {
  static const Samples literal = literal_samples({3, 1}, {1, 2, 3});
  return literal;
}
}  // namespace

TEST_CASE("residual blocks are found in either order and when fused") {
  const Module m = three_blocks();
  const auto blocks = prune::find_blocks(m);
  REQUIRE(blocks.size() == 3);
  CHECK(m.node(blocks[0].join).name == "b0.add");
  CHECK(m.value(blocks[1].in).name == "b0.relu");
}

TEST_CASE("a branch that something else reads, or of another type, is no block") {
  const Module m = read(R"(module m (%x : f32[N,2]) -> (%y, %f) symbols N in [1, 8] {
  @w : f32[2,2] = [[1,2],[3,4]]
  @v : f32[1,2] = [[1,2]]
  @t : f32[2,1] = [[1],[2]]
  %f = linear(%x, @w)
  %y = add(%f, %x)
  %u = linear(%y, @v)
  %g = linear(%u, @t)
  %z = add(%g, %u)
})");
  CHECK(prune::find_blocks(m).empty());  // %f is an output; %u is narrower than %z
}

TEST_CASE("the block that changes the output least goes") {
  Module m = three_blocks();
  const PassReport report = pass_ok("prune.structural", m, "{}", &data());
  CHECK(m.find_node("b0.f") == kNoId);
  CHECK(m.find_value("b0.w") == kNoId);
  CHECK(m.find_node("b1.f") != kNoId);
  CHECK(report.notes.at(0).find("dropped b0") == 0);
  CHECK(number_of(report, "output_change") == Approx(1 - 1 / 1.01).margin(1e-5));
}

TEST_CASE("count, ratio and iteration") {
  Module two = three_blocks();
  pass_ok("prune.structural", two, R"({"count": 2, "iterative": true})", &data());
  CHECK(two.find_node("b1.f") != kNoId);
  CHECK(two.find_node("b2.f") == kNoId);
  CHECK(prune::find_blocks(two).size() == 1);
  Module all = three_blocks();
  CHECK(number_of(pass_ok("prune.structural", all, R"({"ratio": 1})", &data()), "blocks_dropped") == 3);
  CHECK(weight_of(all, "fc.w").size() == 1);
  Module none = three_blocks();
  CHECK_FALSE(pass_ok("prune.structural", none, R"({"ratio": 0})", &data()).changed);
  CHECK(pass_refused("prune.structural", none, R"({"count": 4})", &data()).find("at most 3 blocks") != std::string::npos);
  CHECK(pass_refused("prune.structural", none, R"({"count": 1})").find("calibration data") != std::string::npos);
  Module kept = three_blocks();
  pass_ok("prune.structural", kept, R"({"exclude": ["b0.*"]})", &data());
  CHECK(kept.find_node("b0.f") != kNoId);
  CHECK(kept.find_node("b2.f") == kNoId);
}
