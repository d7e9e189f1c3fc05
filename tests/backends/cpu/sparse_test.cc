// Which zeros the runtime skips: IR text → artifact.
#include "backends/cpu/lower.h"
#include "backends/cpu/pack.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

size_t bytes_with(const std::string& pattern, int zero_columns) {
  auto module = parse("module m (%x : f32[N,64]) -> (%y) symbols N in [1, 16] {\n  @w : f32[32,64]" + pattern + " = random(1)\n  %y = linear(%x, @w)\n}");
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  const auto w = module->weights.find("w")->second.data.mutable_values<float>();
  for (int64_t o = 0; o < 32; ++o)
    for (int64_t i = 0; i < zero_columns; ++i) w[o * 64 + i] = 0;
  const auto bytes = lower(*module);
  INFO((bytes ? "" : bytes.error().message));
  REQUIRE(bytes);
  return bytes->size();
}

}  // namespace

TEST_CASE("only the blocks that are not zero are kept, with the input each one reads") {
  Tensor w = Tensor::zeros(DType::kF32, {17, 3});
  w.mutable_values<float>()[0 * 3 + 2] = 4;
  w.mutable_values<float>()[16 * 3 + 0] = 5;
  const lowering::Blocks blocks = lowering::pack_blocks(w);
  CHECK(blocks.starts == std::vector<int32_t>{0, 1, 2});
  CHECK(blocks.inputs == std::vector<int32_t>{2, 0});
  CHECK(blocks.values[0] == 4);
  CHECK(blocks.values[16] == 5);
  CHECK(blocks.values.size() == 32);
}

TEST_CASE("the artifact keeps blocks of 16 where enough are zero, and other zeros as a bitmap") {
  const size_t dense = bytes_with("", 48);
  CHECK(dense - bytes_with(" sparse(block 16x1)", 48) > 32 * 48 * 4 - 1024);  // a quarter of the numbers, their indices, some records
  CHECK(dense - bytes_with(" sparse(block 32x2)", 48) > 32 * 48 * 4 - 1024);
  CHECK(bytes_with(" sparse(block 16x1)", 8) == dense);  // too few zeros to pay
  // No kernel for these: a bit a number and the numbers that are not zero, decoded when the model opens.
  const size_t bitmap = bytes_with(" sparse(unstructured)", 48), expected = dense - 32 * 48 * 4 + 32 * 64 / 8;
  CHECK(bitmap + 192 >= expected);
  CHECK(bitmap <= expected + 192);
  CHECK(bytes_with(" sparse(block 4x1)", 48) == bitmap);
}
