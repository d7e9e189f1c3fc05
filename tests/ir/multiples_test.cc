#include "ir/multiples.h"

#include "tests/catch.h"

using namespace fastc;

namespace {

Encoding grouped(int bits, std::vector<int64_t> shape, std::vector<float> scales) {
  Encoding e;
  e.kind = Encoding::Kind::kInt, e.bits = bits, e.group_size = 2;
  e.scales = Tensor::of<float>(std::move(shape), std::span<const float>(scales));
  return e;
}

}  // namespace

TEST_CASE("scales of groups are multiples of the coarsest scale that will do") {
  const auto found = find_multiples(grouped(4, {3, 3}, {0.5F, 1, 9, 6, 4, 4, 0.3F, 0.3F, 0.3F}));
  REQUIRE(found);
  CHECK(equal(found->scales, Tensor::of<float>({3}, {0.5F, 2, 0.3F})));
  CHECK(equal(found->multiples, Tensor::of<uint8_t>({3, 3}, {1, 2, 18, 3, 2, 2, 1, 1, 1})));
  // Products of f32 that were rounded.
  std::vector<float> rounded;
  for (const int m : {127, 126, 1, 64}) rounded.push_back(0.1F * static_cast<float>(m));
  const auto close = find_multiples(grouped(2, {1, 4}, rounded));
  REQUIRE(close);
  CHECK(equal(close->multiples, Tensor::of<uint8_t>({1, 4}, {127, 126, 1, 64})));
}

TEST_CASE("scales of groups that no channel's scale divides are an error") {
  CHECK(find_multiples(grouped(4, {1, 2}, {1, 1.5F})));  // 2 and 3 halves
  CHECK(find_multiples(grouped(4, {1, 2}, {1, 19})).error().message ==
        "expected scales of groups that are 1 to 18 times one scale of their channel under int4 and integer arithmetic, found others in channel 0");
  CHECK_FALSE(find_multiples(grouped(4, {2, 2}, {1, 1, 1, 1.4142F})));
  CHECK_FALSE(find_multiples(grouped(8, {1, 2}, {1, 2})));  // 2·127 is no byte
  CHECK(find_multiples(grouped(8, {1, 2}, {2, 2})));
}

TEST_CASE("by channel: what kernels read has the same real numbers") {
  Weight w{Tensor::of<int8_t>({2, 3}, {7, -7, 1, 1, 2, -3}), grouped(4, {2, 2}, {9, 0.5F, 4, 6}), true};
  const auto read = by_channel(w);
  REQUIRE(read);
  REQUIRE(check_weight(*read));
  CHECK(equal(read->data, Tensor::of<int8_t>({2, 3}, {126, -126, 1, 2, 4, -9})));
  CHECK(equal(read->encoding.scales, Tensor::of<float>({2}, {0.5F, 2})));
  CHECK(equal(channel_scales(w.encoding).value(), read->encoding.scales));
  CHECK(to_doubles(decode(*read).value()) == to_doubles(decode(w).value()));
  w.encoding.group_size = 0, w.encoding.scales = Tensor::of<float>({2}, {1, 2});
  CHECK(equal(by_channel(w)->data, w.data));
  const Weight dense{Tensor::of<float>({2}, {1, 2}), {}, true};
  CHECK(equal(by_channel(dense)->data, dense.data));
}
