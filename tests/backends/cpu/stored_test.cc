// Weights kept in fewer bits: their packing, and IR text → artifact → runtime.
#include "backends/cpu/lower.h"
#include "backends/cpu/pack.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {
std::vector<int> bytes_of(const std::vector<std::byte>& packed, std::initializer_list<size_t> places) {
  std::vector<int> out;
  for (const size_t at : places) out.push_back(static_cast<int>(packed[at]));
  return out;
}
}  // namespace

TEST_CASE("int4: two inputs a byte, the first in the low half, each plus 8; what is missing is 8") {
  const Tensor w = Tensor::of<int8_t>({2, 3}, {1, -7, 7, 0, 2, -1});
  const auto packed = lowering::pack_stored(w, 1, true);
  REQUIRE(packed.size() == 2 * 16);  // one panel, three inputs in two bytes a channel
  CHECK(bytes_of(packed, {0, 1, 2, 16, 17}) == std::vector<int>{0x19, 0xa8, 0x88, 0x8f, 0x87});
}

TEST_CASE("int8 and halves: panels of 16 channels, inputs in the order of the network, groups one after the other") {
  const Tensor w = Tensor::of<int8_t>({2, 1, 1, 2}, {1, 2, 3, 4});
  const auto packed = lowering::pack_stored(w, 2, false);  // two groups of one channel: two panels
  REQUIRE(packed.size() == 2 * 2 * 16);
  CHECK(bytes_of(packed, {0, 16, 32, 48, 1}) == std::vector<int>{1, 2, 3, 4, 0});
  const std::vector<float> scales = lowering::pack_scales(Tensor::of<float>({2, 2}, {1, 2, 3, 4}), 1);
  REQUIRE(scales.size() == 32);
  CHECK(scales[0] == 1);
  CHECK(scales[1] == 3);
  CHECK(scales[16] == 2);
  CHECK(scales[17] == 4);
}

TEST_CASE("rows of a table keep an odd number to themselves") {
  const auto rows = lowering::pack_nibble_rows(Tensor::of<int8_t>({2, 3}, {1, 2, 3, -7, -1, 0}));
  CHECK(rows == std::vector<uint8_t>{0xa9, 0x8b, 0x71, 0x88});
}

TEST_CASE("int4 takes half a byte in the artifact") {
  const auto size = [](const char* weight) {
    auto module = parse(std::string("module m (%x : f32[N,256]) -> (%y) symbols N in [1, 16] {\n  @w : ") + weight + "\n  %y = linear(%x, @w)\n}");
    INFO((module ? "" : module.error().message));
    REQUIRE(module);
    auto bytes = lower(*module);
    INFO((bytes ? "" : bytes.error().message));
    REQUIRE(bytes);
    return bytes->size();
  };
  const size_t full = size("f32[64,256] = random(1)"), half = size("f16[64,256] = random(1)"), eight = size("s8[64,256] int8(axis 0, scales ones) = full(100)"),
               four = size("s8[64,256] int4(axis 0, group 64, scales ones) = zeros");
  // To the bytes of one record and name more or less: sections begin on a cache line.
  const auto about = [](size_t found, size_t expected) { return found + 192 >= expected && found <= expected + 192; };
  CHECK(about(full - half, 64 * 256 * 2));
  CHECK(about(half - eight, 64 * 256 - 64 * 4));         // a scale a channel
  CHECK(about(eight - four, 64 * 256 / 2 - 64 * 3 * 4));  // and three more of them
}

TEST_CASE("what no kernel reads is named: depthwise weights, groups of an odd size") {
  const auto refused = [](const char* text) {
    auto module = parse(text);
    INFO((module ? "" : module.error().message));
    REQUIRE(module);
    const auto bytes = lower(*module);
    REQUIRE_FALSE(bytes);
    return bytes.error().message;
  };
  CHECK(refused(R"(module m (%x : f32[N,2,4,4]) -> (%y) symbols N in [1, 16] {
    @w : s8[2,1,3,3] int8(axis 0, scales [1, 1]) = zeros
    %y = conv(%x, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=2}
  })").find("a depthwise weight") != std::string::npos);
  CHECK(refused(R"(module m (%x : f32[N,6]) -> (%y) symbols N in [1, 16] {
    @w : s8[1,6] int4(axis 0, group 3, scales [[1, 1]]) = zeros
    %y = linear(%x, @w)
  })").find("an even number of inputs") != std::string::npos);
}
