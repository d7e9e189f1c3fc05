// IR text → artifact → runtime, on numbers a reader can check.
#include "backends/cpu/lower.h"

#include <cstring>

#include "backends/runtime/fastc_rt.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

ArtifactBytes lowered(const std::string& text) {
  auto module = parse(text);
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  auto bytes = lower(*module);
  INFO((bytes ? "" : bytes.error().message));
  REQUIRE(bytes);
  return *bytes;
}

std::vector<float> run(const ArtifactBytes& bytes, std::vector<float> x, std::vector<int64_t> shape, size_t outputs) {
  char error[256] = "";
  fastc_rt_model* model = nullptr;
  REQUIRE(fastc_rt_open_memory(bytes.data(), bytes.size(), &model, error, sizeof error) == FASTC_RT_OK);
  fastc_rt_tensor in{x.data(), {}, static_cast<int32_t>(shape.size()), FASTC_RT_F32};
  std::copy(shape.begin(), shape.end(), in.shape);
  fastc_rt_session* session = nullptr;
  const auto opened = fastc_rt_session_open(model, &in, 1, 1, &session, error, sizeof error);
  INFO(error);
  REQUIRE(opened == FASTC_RT_OK);
  fastc_rt_tensor out{};
  REQUIRE(fastc_rt_output_shape(session, &in, 1, 0, &out) == FASTC_RT_OK);
  std::vector<float> y(outputs);
  out.data = y.data();
  REQUIRE(fastc_rt_run(session, &in, 1, &out, 1, error, sizeof error) == FASTC_RT_OK);
  fastc_rt_session_close(session);
  fastc_rt_close(model);
  return y;
}

}  // namespace

TEST_CASE("a convolution sums its window, and comes back in the axis order it was asked in") {
  const ArtifactBytes bytes = lowered(R"(
    module m (%x : f32[N,1,2,2]) -> (%y) symbols N in [1, 16] {
      @w : f32[2,1,2,2] = [[[[1, 1], [1, 1]]], [[[2, 0], [0, 0]]]]
      %y = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    })");
  CHECK(run(bytes, {1, 2, 3, 4, 10, 20, 30, 40}, {2, 1, 2, 2}, 4) == std::vector<float>{10, 2, 100, 20});
}

TEST_CASE("reshape after global pooling needs no transposition") {
  const ArtifactBytes bytes = lowered(R"(
    module m (%x : f32[N,2,1,2]) -> (%y) symbols N in [1, 16] {
      %p = adaptive_avg_pool(%x) {output_size=[1,1]}
      %y = reshape(%p) {shape=[N,2]}
    })");
  CHECK(run(bytes, {1, 3, 5, 9}, {1, 2, 1, 2}, 2) == std::vector<float>{2, 7});
}

TEST_CASE("a weight can be the operand of an op on channels-last arrays, and read plainly by another") {
  const ArtifactBytes bytes = lowered(R"(
    module m (%x : f32[N,2,1,4]) -> (%y) symbols N in [1, 16] {
      @w : f32[1,2,1,2] = [[[[1, 2]], [[3, 4]]]]
      %r = resize(@w) {size=[1,4], mode="nearest"}
      %s = reduce_sum(@w) {axes=[0,1,2,3], keep_dims=false}
      %a = add(%x, %r)
      %y = add(%a, %s)
    })");
  CHECK(run(bytes, {0, 0, 0, 0, 0, 0, 0, 0}, {1, 2, 1, 4}, 8) == std::vector<float>{11, 11, 12, 12, 13, 13, 14, 14});
}

TEST_CASE("the same module gives the same bytes") {
  const std::string text = R"(
    module m (%x : f32[N,3]) -> (%y) symbols N in [1, 16] {
      @w : f32[2,3] = random(4)
      %y = linear(%x, @w)
    })";
  CHECK(lowered(text) == lowered(text));
}

TEST_CASE("what the runtime cannot run is named") {
  auto module = parse(R"(
    module m (%x : f32[N,3], %w : f32[2,3]) -> (%y) symbols N in [1, 16] {
      %y = linear(%x, %w)
    })");
  REQUIRE(module);
  const auto bytes = lower(*module);
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().message.find("y: the CPU runtime cannot run linear here") != std::string::npos);
}
