#include "backends/cpu/pack.h"

#include "tests/catch.h"

using namespace fastc;
using namespace fastc::lowering;

TEST_CASE("f32 panels: 16 output channels wide, inputs as (tap, channel), padded with zeros") {
  // O = 2, C = 2, 1x2 taps: weight[o][c][tap] = 100 o + 10 c + tap
  const Tensor w = Tensor::of<float>({2, 2, 1, 2}, {0, 1, 10, 11, 100, 101, 110, 111});
  const std::vector<float> packed = pack_panels(w, 1);
  REQUIRE(packed.size() == 4 * 16);  // K = 4
  const float expected[4][2] = {{0, 100}, {10, 110}, {1, 101}, {11, 111}};  // tap 0: c 0, 1; tap 1: c 0, 1
  for (int k = 0; k < 4; ++k) {
    CHECK(packed[k * 16] == expected[k][0]);
    CHECK(packed[k * 16 + 1] == expected[k][1]);
    CHECK(packed[k * 16 + 2] == 0);
  }
}

TEST_CASE("s8 panels keep four inputs of a channel together, and pad K to a multiple of four") {
  const Tensor w = Tensor::of<int8_t>({1, 5, 1, 1}, {1, 2, 3, 4, 5});
  const std::vector<int8_t> packed = pack_panels_s8(w, 1);
  REQUIRE(packed.size() == 2 * 16 * 4);
  CHECK(std::vector<int8_t>(packed.begin(), packed.begin() + 4) == std::vector<int8_t>{1, 2, 3, 4});
  CHECK(std::vector<int8_t>(packed.begin() + 64, packed.begin() + 68) == std::vector<int8_t>{5, 0, 0, 0});
}

TEST_CASE("each group has its own panels") {
  const Tensor w = Tensor::of<float>({2, 1, 1, 1}, {3, 4});
  const std::vector<float> packed = pack_panels(w, 2);
  REQUIRE(packed.size() == 32);
  CHECK(packed[0] == 3);
  CHECK(packed[16] == 4);
}

TEST_CASE("depthwise: taps outside, channels padded to 16") {
  const Tensor w = Tensor::of<int8_t>({2, 1, 1, 2}, {1, 2, 3, 4});
  const std::vector<int8_t> packed = pack_depthwise_s8(w);
  REQUIRE(packed.size() == 32);
  CHECK(packed[0] == 1);
  CHECK(packed[1] == 3);
  CHECK(packed[16] == 2);
  CHECK(packed[17] == 4);
}
