#include "ir/cost.h"

#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

ModuleCost cost_of(std::string_view text) {
  const auto m = parse(text);
  INFO((m ? "" : m.error().message));
  REQUIRE(m);
  const auto cost = module_cost(*m);
  INFO((cost ? "" : cost.error().message));
  REQUIRE(cost);
  return *cost;
}

}  // namespace

TEST_CASE("flops are two for each product, one for each element elsewhere, at batch 1") {
  const ModuleCost cost = cost_of(R"(module (%x : f32[N,3,8,8]) -> (%r) symbols N in [4, 64] {
    @w : f32[16,3,3,3] = zeros
    %c = conv(%x, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
    %r = relu(%c)
  })");
  CHECK(cost.macs == 16 * 8 * 8 * 27);
  CHECK(cost.flops == 2 * cost.macs + 16 * 64);
  CHECK(cost.parameters == 16 * 27);
  CHECK(cost.weight_bytes == 4 * 16 * 27);
  CHECK(cost.nodes.size() == 2);
  CHECK(cost.nodes[1].flops == 16 * 64);
}

TEST_CASE("a convolution over three axes costs its window") {
  const ModuleCost cost = cost_of(R"(module (%x : f32[N,4,8,6,6]) -> (%y) symbols N in [1, 64] {
    @w : f32[10,2,3,3,3] = zeros
    %y = conv(%x, @w) {stride=[2,1,1], padding=[1,1,1,1,1,1], dilation=[1,1,1], groups=2}
  })");
  CHECK(cost.macs == 10 * 4 * 6 * 6 * 2 * 27);  // 4 of 8 frames
  CHECK(cost.parameters == 10 * 2 * 27);
}

TEST_CASE("bytes count the encoding with its scales; parameters count what is stored and not zero by pattern") {
  const ModuleCost cost = cost_of(R"(module (%x : f32[2]) -> (%x) {
    @a : s8[2,3] int8(axis 0, scales [1, 1]) = [1, 2, 3, 4, 5, 0]
    @b : s8[2,3] int4(axis 0, scales [1, 1]) = [1, 2, 3, 4, 5, 6]
    @c : f32[4] sparse(unstructured) = [0, 1, 0, 2]
    @d : f32[3] buffer = [1, 2, 3]
    @e : f32[2] = [0, 1]
    @f : f32[1,8] sparse(2:4) = [1, 2, 0, 0, 0, 0, 0, 3]
    @g : f32[2] sparse(unstructured) = [1, 2]
  })");
  CHECK(cost.parameters == 6 + 6 + 2 + 0 + 2 + 3 + 2);
  CHECK(cost.weight_bytes == (6 + 8) + (3 + 8) + (2 * 4 + 1) + 12 + 8 + (4 * 4 + 1) + 8);  // @f: two of each four, zeros too; @g: nothing to leave out
}

TEST_CASE("weights of few bits that integer kernels read take as few in the file, unless they are mostly zeros") {
  const ModuleCost cost = cost_of(R"(module (%x : f32[1,3]) -> (%y) {
    @w : s8[2,3] int3(axis 0, scales [1, 1]) = [1, 2, 3, -1, -2, -3]
    %q : q(1, 0) = quantize(%x)
    %y = linear(%q, @w)
  })");
  CHECK(cost.weight_bytes == (6 * 3 + 7) / 8 + 8);
  const auto bytes = [](const char* weight) {
    return cost_of(std::string("module (%x : f32[1,16]) -> (%y) {\n  %q : q(1, 0) = quantize(%x)\n  @w : s8[1,16] ") + weight + "\n  %y = linear(%q, @w)\n}").weight_bytes;
  };
  CHECK(bytes("int2(axis 0, scales [1]) = [1, -1, 0, 1, 1, -1, 0, 1, 1, -1, 0, 1, 1, -1, 0, 1]") == 4 + 4);  // five a byte
  CHECK(bytes("int4(axis 0, scales [1]) sparse(unstructured) = [0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7]") == 2 + 2 + 4);  // two bytes that are kept, a bit each
  CHECK(bytes("int4(axis 0, group 8, scales [[1, 18]]) = [7, 1, 0, 1, 0, 0, 0, 1, 7, -1, 0, 0, 0, 0, 0, 2]") == 8 + 4 + 2);  // a scale, and two multiples of 5 bits
}

TEST_CASE("other symbols than the batch take their smallest value, or a given one") {
  const auto m = parse(R"(module (%x : i64[N,L]) -> (%y) symbols N in [2, 8], L in [3, 512] {
    @t : f32[10,4] = zeros
    %y = embedding(@t, %x)
    %z = exp(%y)
  })");
  REQUIRE(m);
  CHECK(default_symbols(*m) == SymbolValues{{"L", 3}, {"N", 1}});
  CHECK(module_cost(*m, {{"L", 7}})->nodes[1].flops == 28);
}

TEST_CASE("costs past 2^63 are an error") {
  const auto m = parse(
      "module (%x : f32[N,L,M]) -> (%y) symbols N in [1, 8], L in [4294967296, 4294967296], M in [4294967296, "
      "4294967296] {\n%y = exp(%x)\n}");
  REQUIRE(m);
  CHECK_FALSE(module_cost(*m));
}
