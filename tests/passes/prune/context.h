// Passes run by name with their options as JSON text, on one data set of literal samples.
#pragma once

#include "tests/passes/support.h"

namespace fastc::test {

inline Module read(std::string_view text) { return module_of(text); }

// Samples of one f32 input [N, shape…], and labels where there are any.
inline Samples literal_samples(std::vector<int64_t> shape, std::initializer_list<float> values, std::vector<int64_t> labels = {}) {
  const auto count = static_cast<int64_t>(labels.size());
  Tensor truth = labels.empty() ? Tensor() : Tensor::of<int64_t>({count}, std::span<const int64_t>(labels));
  return Samples({Tensor::of<float>(std::move(shape), values)}, std::move(truth));
}

inline Result<PassReport> run_pass(const std::string& name, Module& module, const char* json, const Dataset* data = nullptr) {
  PlainContext context;
  context.calibration_data = context.training = data;
  return run_pass(name, module, context, nlohmann::json::parse(json));
}

inline PassReport pass_ok(const std::string& name, Module& module, const char* json, const Dataset* data = nullptr) {
  PlainContext context;
  context.calibration_data = context.training = data;
  return pass_ok(name, module, context, nlohmann::json::parse(json));
}

// Refused with this message; the module is as it was.
inline std::string pass_refused(const std::string& name, Module& module, const char* json, const Dataset* data = nullptr) {
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
