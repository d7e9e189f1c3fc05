#include "ir/quantized_names.h"

#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

// Two layers in front of outputs, one in the middle; c.u8 is a layer's own name, and d.u8 one whose namesake is not its dequantize.
constexpr const char* kText = R"(module (%x : f32[2]) -> (%y, %z) {
  %q : q(0.5, 3) = quantize(%x)
  %y.u8 = relu(%q)
  %c.u8 = relu(%q)
  %d = relu(%x)
  %d.u8 = relu(%c.u8)
  %wide : q(0.5, 0, 16) = quantize(%d)
  %z.s16 = reshape(%wide) {shape=[2]}
  %both = dequantize(%d.u8)
  %sum = add(%both, %d)
  %y = dequantize(%y.u8)
  %z = dequantize(%z.s16)
})";

}  // namespace

TEST_CASE("the layer that makes an output is found under its float name, and only it") {
  const auto module = parse(kText);
  if (!module) FAIL(module.error().message);
  const auto name_of_node = [&](const char* value) { return float_name(*module, *module->producer(module->find_value(value))); };
  CHECK(name_of_node("y.u8") == "y");
  CHECK(name_of_node("z.s16") == "z");
  for (const char* own : {"q", "y", "c.u8", "d", "d.u8", "both"}) CHECK(name_of_node(own) == own);
  CHECK(name_before_output("y", DType::kU8) == "y.u8");
  CHECK(name_before_output("z", DType::kS16) == "z.s16");
}
