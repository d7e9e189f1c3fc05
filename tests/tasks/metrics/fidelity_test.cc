#include <cmath>

#include "tasks/metrics/metrics.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

std::map<std::string, double> compared(const Tensor& ours, const Tensor& theirs) {
  const auto metric = fidelity_metric();
  REQUIRE(metric->add({{}, {}, ours.shape().empty() ? 1 : ours.shape()[0]}, std::span(&ours, 1), std::span(&theirs, 1)));
  return metric->values();
}

}  // namespace

TEST_CASE("equal outputs are perfect") {
  const Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 6, 5, 4});
  CHECK(compared(x, x) == std::map<std::string, double>{{"agreement", 1}, {"cosine", 1}, {"max_abs_error", 0}, {"mse", 0}, {"non_finite", 0}, {"relative_error", 0}, {"total", 2}});
  const Tensor zero = Tensor::zeros(DType::kF32, {1, 2});
  CHECK(compared(zero, zero).at("cosine") == 1);
}

TEST_CASE("differences, by hand") {
  const auto values = compared(Tensor::of<float>({2, 2}, {3, 0, 0, 4}), Tensor::of<float>({2, 2}, {3, 4, 0, 0}));
  CHECK(values.at("cosine") == Approx(9.0 / 25));  // both lengths are 5, the product is 9
  CHECK(values.at("max_abs_error") == 4);
  CHECK(values.at("relative_error") == 1);
  CHECK(values.at("mse") == 8);
  CHECK(values.at("agreement") == 0);
}

TEST_CASE("classes lie on the last axis of rows and tokens, on axis 1 of images") {
  CHECK(compared(Tensor::zeros(DType::kF32, {2, 7, 3}), Tensor::zeros(DType::kF32, {2, 7, 3})).at("total") == 14);
  const Tensor a = Tensor::of<float>({1, 2, 1, 2}, {1, 4, 2, 3}), b = Tensor::of<float>({1, 2, 1, 2}, {1, 2, 2, 3});
  CHECK(compared(a, b).at("total") == 2);
  CHECK(compared(a, b).at("agreement") == 0.5);
  CHECK(compared(Tensor::of<float>({2, 1}, {-1, 2}), Tensor::of<float>({2, 1}, {-3, -1})).at("agreement") == 0.5);  // signs
}

TEST_CASE("NaN and infinity are counted and never spoil the sums") {
  const auto values = compared(Tensor::of<float>({2, 2}, {NAN, 1, INFINITY, 0}), Tensor::of<float>({2, 2}, {1, 1, 2, 0}));
  CHECK(values.at("non_finite") == 2);
  CHECK(values.at("agreement") == 0.5);
  CHECK(values.at("max_abs_error") == 2);
  for (const auto& [name, value] : values) CHECK(std::isfinite(value));
  const float mask = -INFINITY;
  CHECK(compared(Tensor::of<float>({1, 2}, {mask, 1}), Tensor::of<float>({1, 2}, {mask, 1})).at("non_finite") == 0);
}

TEST_CASE("integer outputs are compared too, and shapes must be equal") {
  CHECK(compared(Tensor::of<int64_t>({2, 1}, {3, 4}), Tensor::of<int64_t>({2, 1}, {3, 5})).at("max_abs_error") == 1);
  const auto metric = fidelity_metric();
  const Tensor a = Tensor::zeros(DType::kF32, {2}), b = Tensor::zeros(DType::kF32, {3});
  CHECK_FALSE(metric->add({{}, {}, 2}, std::span(&a, 1), std::span(&b, 1)));
  CHECK_FALSE(metric->add({{}, {}, 2}, std::span(&a, 1), {}));
}
