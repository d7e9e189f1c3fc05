// Short ways to say what the engine's tests need.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "ir/text.h"
#include "tests/catch.h"

namespace fastc::test {

inline Module module_of(const std::string& text) {
  auto module = parse(text);
  if (!module) FAIL(module.error().message << "\n" << text);
  const Status status = verify(*module);
  if (!status) FAIL(status.error().message);
  return std::move(*module);
}

// Outputs of a module written as text.
inline std::vector<Tensor> outputs_of(const std::string& text, const std::vector<Tensor>& inputs) {
  const Module module = module_of(text);
  auto evaluator = Evaluator::prepare(module);
  if (!evaluator) FAIL(evaluator.error().message);
  auto outputs = evaluator->run(inputs);
  if (!outputs) FAIL(outputs.error().message);
  return *outputs;
}

inline Tensor f32(std::vector<int64_t> shape, std::initializer_list<float> values) { return Tensor::of<float>(std::move(shape), values); }
inline Tensor i64(std::vector<int64_t> shape, std::initializer_list<int64_t> values) { return Tensor::of<int64_t>(std::move(shape), values); }
inline Tensor u8(std::vector<int64_t> shape, std::initializer_list<uint8_t> values) { return Tensor::of<uint8_t>(std::move(shape), values); }

inline void check_close(const Tensor& found, const Tensor& expected, double tolerance = 1e-6) {
  REQUIRE(found.shape() == expected.shape());
  REQUIRE(found.dtype() == expected.dtype());
  const std::vector<double> a = to_doubles(found), b = to_doubles(expected);
  for (size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i, a[i], b[i]);
    CHECK(std::abs(a[i] - b[i]) <= tolerance * std::max(1.0, std::abs(b[i])));
  }
}

}  // namespace fastc::test
