#include "driver/measure/layer_errors.h"

#include <array>
#include <cmath>

#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Module parsed(const std::string& text) {
  auto module = parse(text);
  if (!module) FAIL(module.error().message);
  return std::move(*module);
}

std::string network(const std::string& second_weight) {
  return R"(module m (%x : f32[N,2]) -> (%second) symbols N in [1, 8] {
    @a : f32[2,2] = [1, 0, 0, 1]
    @b : f32[1,2] = )" + second_weight + R"(
    %first = linear(%x, @a)
    %r = relu(%first)
    %second = linear(%r, @b)
  })";
}

}  // namespace

TEST_CASE("a layer's error is relative to the original's output, and only layers that compute are told") {
  const Tensor x = Tensor::of<float>({2, 2}, {1.0F, 2.0F, 3.0F, 4.0F});
  const auto rows = layer_errors(parsed(network("[1, 1]")), parsed(network("[1, 0.5]")), std::array{x});
  if (!rows) FAIL(rows.error().message);
  REQUIRE(rows->size() == 2);
  CHECK((*rows)[0].node == "first");
  CHECK((*rows)[0].relative == 0);
  CHECK((*rows)[1].node == "second");
  // Outputs 3 and 7 became 2 and 5.
  CHECK((*rows)[1].relative == Approx(std::sqrt((1.0 + 4.0) / (9.0 + 49.0))));
}

TEST_CASE("the layer that makes an output is told under its own name when its result is dequantized") {
  const Module integers = parsed(R"(module m (%x : f32[N,2]) -> (%second) symbols N in [1, 8] {
    @a : s8[2,2] int8(axis 0, scales [1, 1]) = [1, 0, 0, 1]
    @b : s8[1,2] int8(axis 0, scales [1]) = [1, 1]
    %q : q(1, 0) = quantize(%x)
    %first : q(1, 0) = linear(%q, @a)
    %second.u8 : q(2, 0) = linear(%first, @b)
    %second = dequantize(%second.u8)
  })");
  const auto rows = layer_errors(parsed(network("[1, 1]")), integers, std::array{Tensor::of<float>({2, 2}, {1.0F, 2.0F, 3.0F, 4.0F})});
  if (!rows) FAIL(rows.error().message);
  REQUIRE(rows->size() == 2);
  CHECK((*rows)[1].node == "second");
  CHECK((*rows)[1].op == "linear");
  // 3 and 7 in steps of 2, ties to even: 4 and 8.
  CHECK((*rows)[1].relative == Approx(std::sqrt((1.0 + 1.0) / (9.0 + 49.0))));
}
