#include "driver/measure/stored.h"

#include <algorithm>

#include "backends/cpu/lower.h"
#include "base/files.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Module dense() {
  auto module = parse(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2] = [1, 2, 3, 4]
    %y = linear(%x, @w)
  })");
  if (!module) FAIL(module.error().message);
  return std::move(*module);
}

}  // namespace

TEST_CASE("stored tensors are counted in the file, and a weight in other bits than the program says is an error") {
  const Module module = dense();
  const auto bytes = lower(module, {});
  REQUIRE(bytes);
  const auto folder = TempDir::make();
  REQUIRE(folder);
  REQUIRE(write_atomic(folder->path() / "m.fastc", *bytes));
  const auto artifact = ArtifactModel::open(folder->path() / "m.fastc", 1);
  REQUIRE(artifact);

  const auto stored = count_stored(module, *artifact);
  REQUIRE(stored);
  REQUIRE(stored->size() == 1);
  CHECK(stored->front().name == "w");
  CHECK(stored->front().bits == 32);
  CHECK(stored->front().shape == std::vector<int64_t>{2, 2});
  CHECK(stored->front().bytes == 2 * 16 * 4);  // two inputs of a panel of 16 output channels

  Module claimed = module;
  claimed.weights.find("w")->second.data = Tensor::zeros(DType::kS8, {2, 2});
  const auto mismatch = count_stored(claimed, *artifact);
  REQUIRE_FALSE(mismatch);
  CHECK(mismatch.error().message == "the artifact holds w in 32 bits a number (f32), the program in 8");
}

TEST_CASE("weights of three bits on the integer kernels are bytes to them and three bits in the file, and counted so") {
  auto module = parse(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : s8[2,2] int3(axis 0, scales [1, 1]) = [1, 2, 3, -3]
    %q : q(1, 0) = quantize(%x)
    %y = linear(%q, @w)
  })");
  REQUIRE(module);
  const auto bytes = lower(*module, {});
  if (!bytes) FAIL(bytes.error().message);
  const auto folder = TempDir::make();
  REQUIRE(folder);
  REQUIRE(write_atomic(folder->path() / "m.fastc", *bytes));
  const auto artifact = ArtifactModel::open(folder->path() / "m.fastc", 1);
  REQUIRE(artifact);
  const auto stored = count_stored(*module, *artifact);
  if (!stored) FAIL(stored.error().message);
  const auto w = std::find_if(stored->begin(), stored->end(), [](const StoredTensor& t) { return t.name == "w"; });
  REQUIRE(w != stored->end());
  CHECK(w->bits == 3);
  CHECK(w->packing == "3-bit");
  CHECK(w->bytes == 16 * 4 * 3 / 8);  // a panel of 16 output channels by 4 inputs
}
