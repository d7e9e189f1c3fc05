// A plain context and a data set of literal samples, for tests of passes.
#pragma once

#include <nlohmann/json.hpp>

#include "ir/text.h"
#include "passes/pass.h"
#include "tests/catch.h"

namespace fastc::test {

// Samples of one f32 input [N, shape…], and labels where there are any.
class LiteralData final : public Dataset {
 public:
  LiteralData(std::vector<int64_t> shape, std::vector<std::vector<float>> samples, std::vector<int64_t> labels = {})
      : shape_(std::move(shape)), samples_(std::move(samples)), labels_(std::move(labels)) {}
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  std::vector<std::string> input_names() const override { return {"x"}; }
  std::vector<Type> input_types() const override {
    Type type{DType::kF32, {Dim::symbol("N")}};
    type.shape.insert(type.shape.end(), shape_.begin(), shape_.end());
    return {type};
  }
  bool has_labels() const override { return !labels_.empty(); }
  Result<Batch> batch(std::span<const int64_t> indices, Random*) const override {
    std::vector<float> values;
    std::vector<int64_t> labels;
    for (const int64_t i : indices) {
      values.insert(values.end(), samples_[i].begin(), samples_[i].end());
      if (has_labels()) labels.push_back(labels_[i]);
    }
    std::vector<int64_t> shape{static_cast<int64_t>(indices.size())};
    shape.insert(shape.end(), shape_.begin(), shape_.end());
    Batch batch;
    batch.inputs = {Tensor::of<float>(shape, std::span<const float>(values))};
    if (has_labels()) batch.labels = Tensor::of<int64_t>({shape[0]}, std::span<const int64_t>(labels));
    batch.size = shape[0];
    return batch;
  }

 private:
  std::vector<int64_t> shape_;
  std::vector<std::vector<float>> samples_;
  std::vector<int64_t> labels_;
};

class PlainContext final : public PassContext {
 public:
  const Dataset* data = nullptr;
  uint64_t seed() const override { return 1; }
  int threads() const override { return 1; }
  Progress& progress() override { return silent_progress(); }
  const Dataset* calibration() override { return data; }
  const Dataset* training_data() override { return data; }
  const Task* task() override { return nullptr; }
  Result<Module> model(std::string_view which) override { return usage_error("no model {} in a test", which); }
  Result<Measurement> measure(const Module&) override { return stage_error("no measuring in a test"); }
  std::string journal_folder() override { return {}; }
};

inline Module read(const std::string& text) {
  auto module = parse(text);
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  return std::move(*module);
}

inline Result<PassReport> run_pass(const std::string& name, Module& module, const std::string& json, const Dataset* data = nullptr) {
  const Pass* pass = find_pass(name);
  REQUIRE(pass != nullptr);
  PlainContext context;
  context.data = data;
  return pass->run(module, nlohmann::json::parse(json), context);
}

inline PassReport pass_ok(const std::string& name, Module& module, const std::string& json, const Dataset* data = nullptr) {
  auto report = run_pass(name, module, json, data);
  INFO((report ? "" : report.error().message));
  REQUIRE(report);
  const Status valid = verify(module);
  INFO((valid ? "" : valid.error().message));
  REQUIRE(valid);
  return std::move(*report);
}

inline std::string pass_refused(const std::string& name, Module& module, const std::string& json, const Dataset* data = nullptr) {
  const std::string before = print(module);
  auto report = run_pass(name, module, json, data);
  REQUIRE_FALSE(report);
  CHECK(print(module) == before);
  return report.error().message;
}

inline std::vector<double> weight_of(const Module& m, const std::string& name) { return to_doubles(m.weight(m.find_value(name)).data); }
inline double number_of(const PassReport& report, const std::string& name) {
  for (const auto& [key, value] : report.numbers) {
    if (key == name) return value;
  }
  FAIL("no number " << name);
  return 0;
}

}  // namespace fastc::test
