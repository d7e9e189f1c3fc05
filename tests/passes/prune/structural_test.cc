#include "passes/prune/blocks.h"

#include <cmath>

#include "passes/prune/block_importance.h"
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

TEST_CASE("a branch may read what others read too; a sum that nobody learned is no block") {
  const Module m = read(R"(module m (%x : f32[N,2], %mask : f32[N,2]) -> (%z) symbols N in [1, 8] {
  @w : f32[2,2] = [[1,2],[3,4]]
  %k = sigmoid(%mask)
  %f = linear(%x, @w)
  %fk = mul(%f, %k)
  %y = add(%fk, %x)
  %g = linear(%y, @w)
  %gk = mul(%g, %k)
  %z0 = add(%y, %gk)
  %cube = mul(%z0, %z0)
  %z = add(%z0, %cube)
})");
  const auto blocks = prune::find_blocks(m);
  REQUIRE(blocks.size() == 2);
  CHECK(m.node(blocks[0].join).name == "y");
  CHECK(m.node(blocks[1].join).name == "z0");
  CHECK(blocks[1].branch.size() == 2);  // without %k
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

TEST_CASE("each importance ranks the blocks by its own measure") {
  // b0 multiplies by 1.01, b1 by 2, b2 by 1.1; the scores are (4 t, 0) with t = 1.01 * 2 * 1.1 * x, and the label is 0: larger is better.
  Module m = read(R"(module m (%x : f32[N,2]) -> (%fc) symbols N in [1, 8] {
  @b0.w : f32[2,2] = [[0.01, 0], [0, 0.01]]
  @b1.w : f32[2,2] = [[1, 0], [0, 1]]
  @b2.w : f32[2,2] = [[0, 0.5], [-0.5, 0]]
  @fc.w : f32[2,2] = [[1, 0], [0, 1]]
  %b0.f = linear(%x, @b0.w)
  %b0.add = add(%b0.f, %x)
  %b1.f = linear(%b0.add, @b1.w)
  %b1.add = add(%b0.add, %b1.f)
  %b2.f = linear(%b1.add, @b2.w)
  %b2.add = add(%b1.add, %b2.f)
  %fc = linear(%b2.add, @fc.w)
})");
  // x = (1, 0): after b2 (t, -t/2). Label 1 would be reached sooner without b2's turn; b1 doubles without turning.
  const Samples data = literal_samples({2, 2}, {1, 0, 1, 0.2F}, {0, 0});
  const auto first_dropped = [&](const char* importance) {
    Module copy = m;
    const std::string options = std::string(R"({"importance": ")") + importance + "\"}";
    return pass_ok("prune.structural", copy, options.c_str(), &data).notes.at(0);
  };
  CHECK(first_dropped("output").find("dropped b0.add: alone it changes the output by 0.0099") == 0);
  CHECK(first_dropped("ablation").find("dropped b0.add: alone it raises the loss by 0.00") == 0);
  CHECK(first_dropped("taylor").find("dropped b0.add: to first order") == 0);
  Module two = m;  // b0 and b1 do not turn what they are given, and stand before b2
  const auto notes = pass_ok("prune.structural", two, R"({"importance": "cosine", "count": 2})", &data).notes;
  CHECK(two.find_node("b2.f") != kNoId);
  CHECK(two.find_node("b1.f") == kNoId);
  CHECK(two.find_node("b0.f") == kNoId);
}

TEST_CASE("a block's first-order change is gradient times branch") {
  // Scores (x + f, 0) with f = 2x, x = 1, label 0: dL/df = p - 1 with p = 1/(1 + e^-3).
  Module m = read(R"(module m (%x : f32[N,1]) -> (%fc) symbols N in [1, 8] {
  @b.w : f32[1,1] = [[2]]
  @fc.w : f32[2,1] = [[1], [0]]
  %b.f = linear(%x, @b.w)
  %b.add = add(%b.f, %x)
  %fc = linear(%b.add, @fc.w)
})");
  const Samples data = literal_samples({1, 1}, {1}, {0});
  auto blocks = prune::find_blocks(m);
  const auto units = prune::units_of(m, blocks, false);
  const auto batch = data.batch(std::vector<int64_t>{0});
  REQUIRE(batch);
  const std::vector<Batch> batches{*batch};
  const auto worth = prune::block_taylor({m, units, batches});
  REQUIRE(worth);
  const double p = 1 / (1 + std::exp(-3.0));
  CHECK(worth->at(0) == Approx((1 - p) * 2 * (1 - p) * 2).epsilon(1e-5));
}

namespace {
// Two layers of a transformer in small: halves of a layer share its path; a norm stands between halves of the second one.
Module layers() {
  return read(R"(module m (%x : f32[N,2]) -> (%h.1.mlp.add) symbols N in [1, 8] {
  @w : f32[2,2] = [[0.1, 0], [0, 0.1]]
  %h.0.attn.q = linear(%x, @w)
  %h.0.attn.o = relu(%h.0.attn.q)
  %h.0.attn.add = add(%h.0.attn.o, %x)
  %h.0.mlp = linear(%h.0.attn.add, @w)
  %h.0.act = relu(%h.0.mlp)
  %h.0.add = add(%h.0.act, %h.0.attn.add)
  %h.1.attn.q = linear(%h.0.add, @w)
  %h.1.attn.o = relu(%h.1.attn.q)
  %h.1.attn.add = add(%h.0.add, %h.1.attn.o)
  %h.1.norm = relu(%h.1.attn.add)
  %h.1.fc = linear(%h.1.norm, @w)
  %h.1.act = relu(%h.1.fc)
  %h.1.mlp.add = add(%h.1.norm, %h.1.act)
})");
}
}  // namespace

TEST_CASE("halves of one module are dropped alone or together") {
  const Module m = layers();
  const auto halves = prune::units_of(m, prune::find_blocks(m), false);
  REQUIRE(halves.size() == 4);
  CHECK(halves[0].name == "h.0.attn");
  CHECK(halves[1].name == "h.0");
  const auto whole = prune::units_of(m, prune::find_blocks(m), true);
  REQUIRE(whole.size() == 2);
  CHECK(whole[0].name == "h.0");
  CHECK(whole[1].name == "h.1");
  CHECK(whole[1].blocks.size() == 2);
  Module dropped = m;
  const Samples data = literal_samples({2, 2}, {1, 2, 3, 4});
  CHECK(pass_ok("prune.structural", dropped, R"({"unit": "module", "importance": "cosine"})", &data).changed);
  CHECK(prune::find_blocks(dropped).size() == 2);
}

TEST_CASE("units go until a goal is reached; in latency they are measured one drop at a time") {
  Module flops = three_blocks();
  const PassReport report = pass_ok("prune.structural", flops, R"({"goal": {"flops": 0.81}})", &data());
  CHECK(number_of(report, "blocks_dropped") == 1);
  CHECK(number_of(report, "flops_remaining") <= 0.81);
  Module far = three_blocks();
  CHECK(pass_refused("prune.structural", far, R"({"goal": {"flops": 0.01}})", &data()).find("of the FLOPs") != std::string::npos);

  class Clock : public PlainContext {
   public:
    int asked = 0;
    Result<double> relative_latency(const Module& module, const Module& before) override {
      ++asked;
      return (1.0 + double(prune::find_blocks(module).size())) / (1.0 + double(prune::find_blocks(before).size()));
    }
  } clock;
  clock.calibration_data = &data();
  Module timed = three_blocks();
  pass_ok("prune.structural", timed, clock, nlohmann::json::parse(R"({"goal": {"latency": 0.5}})"));
  CHECK(prune::find_blocks(timed).size() == 1);
  CHECK(clock.asked == 2);  // two blocks, then one
}
