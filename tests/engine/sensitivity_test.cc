#include "engine/sensitivity.h"

#include "tests/engine/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

constexpr const char* kExact = R"(module m (%x : f32[N,2]) -> (%c) symbols N in [1, 8] {
  @wa : f32[2,2] = [1, 0, 0, 1]
  @wb : f32[2,2] = [1, 0.4, 0.4, 1]
  @wc : f32[1,2] = [1, 1]
  %a = linear(%x, @wa)
  %b = linear(%a, @wb)
  %c = linear(%b, @wc) })";

double gain_of(const std::vector<LayerSensitivity>& found, std::string_view node) {
  for (const LayerSensitivity& layer : found)
    if (layer.node == node) return layer.gain;
  FAIL("no layer " << node);
  return 0;
}

}  // namespace

TEST_CASE("the layer whose weight was rounded coarsely is the sensitive one") {
  const Module quantized = module_of(R"(module m (%x : f32[N,2]) -> (%c) symbols N in [1, 8] {
    @wa : s8[2,2] int8(axis 0, scales [1, 1]) = [1, 0, 0, 1]
    @wb : s8[2,2] int2(axis 0, scales [1, 1]) = [1, 0, 0, 1]
    @wc : s8[1,2] int8(axis 0, scales [1]) = [1, 1]
    %x.quantize : q(0.5, 128) = quantize(%x)
    %a : q(0.5, 128) = linear(%x.quantize, @wa)
    %b : q(0.01, 128) = linear(%a, @wb)
    %c = linear(%b, @wc) })");
  // x = 0.5, 0.5 is exact in every step: 1.4 in the float network, 1 without the 0.4s.
  const auto found = layer_sensitivities(quantized, module_of(kExact), std::vector<Tensor>{f32({1, 2}, {0.5F, 0.5F})});
  if (!found) FAIL(found.error().message);
  REQUIRE(found->size() == 3);
  CHECK(found->front().node == "b");
  CHECK(gain_of(*found, "b") == Approx(1));
  CHECK(gain_of(*found, "a") == 0);
  CHECK(gain_of(*found, "c") == 0);
}

TEST_CASE("a coarse value belongs to the layer that reads it, also through a reshape") {
  const Module quantized = module_of(R"(module m (%x : f32[N,2]) -> (%c) symbols N in [1, 8] {
    @wa : s8[2,2] int8(axis 0, scales [1, 1]) = [1, 0, 0, 1]
    @wb : s8[2,2] int8(axis 0, scales [0.2, 0.2]) = [5, 2, 2, 5]
    @wc : s8[1,2] int8(axis 0, scales [1]) = [1, 1]
    %x.quantize : q(0.01, 128) = quantize(%x)
    %a : q(0.5, 128) = linear(%x.quantize, @wa)
    %r = reshape(%a) {shape=[N, 2]}
    %b : q(0.01, 100) = linear(%r, @wb)
    %c = linear(%b, @wc) })");
  const auto found = layer_sensitivities(quantized, module_of(kExact), std::vector<Tensor>{f32({1, 2}, {0.7F, 0.7F})});
  if (!found) FAIL(found.error().message);
  CHECK(found->front().node == "b");
  CHECK(gain_of(*found, "b") == Approx(1).margin(1e-3));
  CHECK(std::abs(gain_of(*found, "a")) < 1e-3);
}

TEST_CASE("a recurrent layer is as sensitive as its matrices together") {
  const Module exact = module_of(R"(module m (%x : f32[2,1,1]) -> (%c) {
    @w : f32[1,1] = [1.4]
    @u : f32[1,1] = [0.6]
    @v : f32[1,1] = [1]
    %y, %h = rnn(%x, _, @w, @u) {hidden=1, has_bias=false, activation="relu"}
    %c = linear(%y, @v) })");
  const Module quantized = module_of(R"(module m (%x : f32[2,1,1]) -> (%c) {
    @w : s8[1,1] int8(axis 0, scales [1]) = [1]
    @u : s8[1,1] int8(axis 0, scales [1]) = [1]
    @v : s8[1,1] int8(axis 0, scales [1]) = [1]
    %y, %h = rnn(%x, _, @w, @u) {hidden=1, has_bias=false, activation="relu", dynamic="row"}
    %c = linear(%y, @v) {dynamic="row"} })");
  const auto found = layer_sensitivities(quantized, exact, std::vector<Tensor>{f32({2, 1, 1}, {1, 1})});
  if (!found) FAIL(found.error().message);
  REQUIRE(found->size() == 2);
  CHECK(found->front().node == "y");
  CHECK(gain_of(*found, "y") == Approx(1));
  CHECK(gain_of(*found, "c") == 0);
}
