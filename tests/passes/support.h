// A plain context and short helpers for pass tests: modules are written as text, passes are run by name.
#pragma once

#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "engine/engine.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/catch.h"

namespace fastc::test {

// Samples given as one tensor per input, with axis 0 the samples.
class Samples final : public Dataset {
 public:
  Samples(std::vector<Tensor> inputs, Tensor labels = {}) : inputs_(std::move(inputs)), labels_(std::move(labels)) {}
  int64_t size() const override { return inputs_.at(0).shape().at(0); }
  std::vector<std::string> input_names() const override {
    std::vector<std::string> names;
    for (size_t i = 0; i < inputs_.size(); ++i) names.push_back(fmt::format("input_{}", i));
    return names;
  }
  std::vector<Type> input_types() const override {
    std::vector<Type> types;
    for (const Tensor& t : inputs_) {
      types.push_back({t.dtype(), Shape(t.shape().begin(), t.shape().end()), {}});
      types.back().shape[0] = Dim::symbol("N");
    }
    return types;
  }
  bool has_labels() const override { return labels_.defined(); }
  Result<Batch> batch(std::span<const int64_t> indices, Random* = nullptr) const override {
    Batch out;
    for (const Tensor& t : inputs_) out.inputs.push_back(select(t, 0, indices));
    if (labels_.defined()) out.labels = select(labels_, 0, indices);
    out.size = static_cast<int64_t>(indices.size());
    return out;
  }

 private:
  std::vector<Tensor> inputs_;
  Tensor labels_;
};

class PlainContext : public PassContext {
 public:
  uint64_t seed_value = 7;
  const Dataset* calibration_data = nullptr;
  const Dataset* training = nullptr;
  const Task* task_value = nullptr;
  std::map<std::string, Module> models;

  uint64_t seed() const override { return seed_value; }
  int threads() const override { return 1; }
  Progress& progress() override { return silent_progress(); }
  const Dataset* calibration() override { return calibration_data; }
  const Dataset* training_data() override { return training; }
  const Task* task() override { return task_value; }
  Result<Module> model(std::string_view which) override {
    const auto found = models.find(std::string(which));
    if (found == models.end()) return usage_error("expected a model, found \"{}\"", which);
    return found->second;
  }
  Result<double> relative_latency(const Module&, const Module&) override { return stage_error("this test measures nothing"); }
  std::string journal_folder() override { return {}; }
};

inline Module module_of(std::string_view text) {
  auto module = parse(text);
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  return std::move(*module);
}

inline Result<PassReport> run_pass(std::string_view name, Module& module, PassContext& context,
                                   const nlohmann::json& options = nlohmann::json::object()) {
  const Pass* pass = find_pass(name);
  REQUIRE(pass != nullptr);
  return pass->run(module, options, context);
}

// Runs a pass that must succeed, and verifies what it left.
inline PassReport pass_ok(std::string_view name, Module& module, PassContext& context,
                          const nlohmann::json& options = nlohmann::json::object()) {
  auto report = run_pass(name, module, context, options);
  INFO((report ? "" : report.error().message));
  REQUIRE(report);
  const auto verified = verify(module);
  INFO((verified ? "" : verified.error().message));
  REQUIRE(verified);
  return std::move(*report);
}

inline std::vector<Tensor> evaluate(const Module& module, const std::vector<Tensor>& inputs) {
  auto evaluator = Evaluator::prepare(module);
  INFO((evaluator ? "" : evaluator.error().message));
  REQUIRE(evaluator);
  auto outputs = evaluator->run(inputs);
  INFO((outputs ? "" : outputs.error().message));
  REQUIRE(outputs);
  return std::move(*outputs);
}

// Random f32 in [-1, 1).
inline Tensor random_tensor(std::vector<int64_t> shape, uint64_t seed) {
  Tensor out = Tensor::zeros(DType::kF32, std::move(shape));
  Random random(seed);
  for (float& v : out.mutable_values<float>()) v = static_cast<float>(random.uniform(-1, 1));
  return out;
}

inline double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const auto x = to_doubles(a), y = to_doubles(b);
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

}  // namespace fastc::test
