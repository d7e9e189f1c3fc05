// Block-sparse ops from artifacts that a reader can check by hand, and broken ones.
#include "tests/catch.h"
#include "tests/runtime/artifact.h"

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

// y[1, 17] = x[1, 3] · w: input 2 goes to the first sixteen outputs, inputs 0 and 2 to the last one; its block's other lanes are padding.
struct Small {
  Artifact a;
  uint32_t values, inputs, starts;

  explicit Small(std::vector<int32_t> at = {2, 0, 2}, std::vector<int32_t> from = {0, 1, 3}) {
    std::vector<float> numbers(3 * 16, 0.0f);
    for (int i = 0; i < 16; ++i) numbers[i] = static_cast<float>(i);
    numbers[16] = 5, numbers[32] = 7;
    const auto x = a.input("x", DType::kF32, {1, 3});
    values = a.constant<float>("w", {3, 16}, numbers);
    inputs = a.constant<int32_t>("at", {static_cast<int64_t>(at.size())}, at);
    starts = a.constant<int32_t>("from", {static_cast<int64_t>(from.size())}, from);
    const auto y = a.value("y", DType::kF32, {1, 17});
    LinearAttrs attrs{};
    attrs.qhi = 255;
    a.op(Kernel::kLinearSparse, "layer", {x, values, inputs, starts}, {y}, attrs);
    a.outputs = {y};
  }
};

Outcome run_small(const Small& small) { return run(small.a, {Array::of<float>({1, 3}, {10, 100, 2})}); }

}  // namespace

TEST_CASE("a block-sparse linear layer, by hand", "[sparse]") {
  const Outcome outcome = run_small(Small());
  REQUIRE(outcome.message == "");
  const auto y = outcome.outputs[0].numbers<float>();
  CHECK(y[0] == 0);
  CHECK(y[15] == 30);
  CHECK(y[16] == 64);
}

TEST_CASE("broken block lists are refused with a sentence", "[sparse][malformed]") {
  CHECK(run_small(Small({2, 0, 3})).message.find("block 2 reads input 3 of 3") != std::string::npos);
  CHECK(run_small(Small({2, -1, 2})).message.find("block 1 reads input -1") != std::string::npos);
  CHECK(run_small(Small({2, 0, 2}, {0, 4, 3})).message.find("panel 1 begins at block 4 and ends at 3") != std::string::npos);
  CHECK(run_small(Small({2, 0, 2}, {1, 1, 3})).message.find("its panels hold blocks 1 to 3 of 3") != std::string::npos);
  CHECK(run_small(Small({2, 0, 2}, {0, 1, 2})).message.find("its panels hold blocks 0 to 2 of 3") != std::string::npos);
  CHECK(run_small(Small({2, 0, 2}, {0, 3})).message.find("do not describe 2 panels") != std::string::npos);
  CHECK(run_small(Small({2, 0})).message.find("48 numbers, 2 inputs") != std::string::npos);
}
