#include "passes/quantize/two_levels.h"

#include <cmath>

#include "ir/multiples.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;
using namespace fastc::quantize;

namespace {

const WeightOptions kTwoBits{.bits = 2, .group = 2};

double error_of(const Tensor& from, const WeightOptions& options) {
  const Weight q = quantize_weight({from, {}, true}, options);
  const Status checked = check_weight(q);
  if (!checked) FAIL(checked.error().message);
  const auto real = to_doubles(decode(by_channel(q).value()).value()), exact = to_doubles(from);
  double sum = 0;
  for (size_t i = 0; i < real.size(); ++i) sum += std::pow(real[i] - exact[i], 2);
  return sum;
}

}  // namespace

TEST_CASE("two levels: the largest group takes 15, the others what their own step asks for") {
  const std::vector<float> row{15, -15, 0, 1, -7, 0, 0, 0};
  const TwoLevels exact = two_levels(row, kTwoBits, 0);
  CHECK(exact.scale == 1);
  CHECK(exact.multiples == std::vector<int>{15, 1, 7, 1});  // a group of zeros takes 1
  // A bias that needs 5 as its unit: 15 = 5·3, and 7 is nearer to 5·1 than to 5·2.
  const TwoLevels coarse = two_levels(row, kTwoBits, 5);
  CHECK(coarse.scale == 5);
  CHECK(coarse.multiples == std::vector<int>{3, 1, 1, 1});
  // Half way between 10 and 15: of equal errors the one that cuts nothing off.
  CHECK(two_levels(std::vector<float>{15, 0, 12.5F}, kTwoBits, 5).multiples == std::vector<int>{3, 3});
}

TEST_CASE("two levels: integers leave room for the codes in a byte") {
  for (const auto& [bits, most] : {std::pair{2, 15}, {3, 15}, {4, 15}, {5, 8}, {6, 4}}) {
    const auto limit = static_cast<float>((1 << (bits - 1)) - 1);
    const TwoLevels levels = two_levels(std::vector<float>{limit * static_cast<float>(most), 0, limit}, {.bits = bits, .group = 2}, 0);
    CHECK(levels.multiples == std::vector<int>{most, 1});
  }
}

TEST_CASE("weights in groups: literal numbers, and what kernels read of them") {
  const Weight q = quantize_weight({Tensor::of<float>({1, 2, 1, 2}, {15, -15, 1, 0}), {}, true}, kTwoBits);
  REQUIRE(check_weight(q));
  CHECK(q.encoding.bits == 2);
  CHECK(q.encoding.group_size == 2);
  CHECK(equal(q.encoding.scales, Tensor::of<float>({1, 2}, {15, 1})));
  CHECK(equal(q.data, Tensor::of<int8_t>({1, 2, 1, 2}, {1, -1, 1, 0})));
  const Weight read = by_channel(q).value();
  CHECK(equal(read.data, Tensor::of<int8_t>({1, 2, 1, 2}, {15, -15, 1, 0})));
  CHECK(equal(read.encoding.scales, Tensor::of<float>({1}, {1})));
}

TEST_CASE("a last group may be shorter, a row of one group has none, a channel of zeros any scale") {
  const Weight odd = quantize_weight({Tensor::of<float>({2, 5}, {15, 15, 3, -3, 1, 0, 0, 0, 0, 0}), {}, true}, kTwoBits);
  REQUIRE(check_weight(odd));
  CHECK(equal(odd.encoding.scales, Tensor::of<float>({2, 3}, {15, 3, 1, 1, 1, 1})));
  CHECK(equal(odd.data, Tensor::of<int8_t>({2, 5}, {1, 1, 1, -1, 1, 0, 0, 0, 0, 0})));
  const Weight dense{Tensor::of<float>({1, 2}, {3, 1}), {}, true}, whole = quantize_weight(dense, kTwoBits);
  CHECK(whole.encoding.group_size == 0);
  CHECK(equal(whole.encoding.scales, quantize_weight(dense, {.bits = 2}).encoding.scales));
}

TEST_CASE("smaller groups leave less error, and zeros of a pattern stay zeros") {
  Random random(5);
  Tensor w = Tensor::zeros(DType::kF32, {4, 8, 3, 3});
  for (float& v : w.mutable_values<float>()) v = static_cast<float>(random.normal() * (1 + 4 * (random.normal() > 2)));
  for (const char* observer : {"max", "mse"})
    for (const int bits : {2, 3, 4}) {
      const auto error = [&](int64_t group) { return error_of(w, {.observer = observer, .bits = bits, .group = group}); };
      CAPTURE(observer, bits);
      CHECK(error(0) > error(32));
      CHECK(error(32) > error(8));
    }
  Weight sparse{Tensor::of<float>({1, 4}, {0, 5, 0, 1}), {}, true};
  sparse.encoding.sparsity = Encoding::Sparsity::kUnstructured;
  const Weight q = quantize_weight(sparse, kTwoBits);
  CHECK(q.encoding.sparsity == Encoding::Sparsity::kUnstructured);
  CHECK(equal(q.data, Tensor::of<int8_t>({1, 4}, {0, 1, 0, 1})));
}
