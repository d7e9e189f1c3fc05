// Models written in TorchScript inside a test: what fastc makes of one gives LibTorch's own result, or is refused with a sentence.
#pragma once

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/jit/api/module.h>

#include "base/files.h"
#include "engine/engine.h"
#include "tests/recorded.h"

namespace fastc::test {

struct Case {
  const char* name;
  const char* body;  // of forward(self, x), or all methods
  std::vector<int64_t> shape;
  std::map<std::string, std::vector<int64_t>> weights = {};
};

inline torch::jit::Module scripted(const Case& c) {
  torch::jit::Module m("M");
  for (const auto& [name, shape] : c.weights) m.register_parameter(name, at::randn(shape), false);
  const std::string body = c.body;
  m.define(body.starts_with("def ") ? body : "def forward(self, x):\n    " + body + "\n");
  m.eval();
  return m;
}

inline Tensor tensor_of(const at::Tensor& t) {
  const at::Tensor dense = t.contiguous();
  return Tensor::of<float>(dense.sizes().vec(), std::span<const float>(dense.const_data_ptr<float>(), static_cast<size_t>(dense.numel())));
}

inline Result<Module> imported(const torch::jit::Module& m, const Recorded& r) {
  FASTC_TRY(const TempDir folder, TempDir::make());
  const auto path = folder.path() / "model.pt";
  m.save(path.string());
  return import_model(path, batch_options(r));
}

inline void check(const Case& c) {
  INFO(c.name);
  const at::NoGradGuard only_runs;
  at::manual_seed(5);
  torch::jit::Module m = scripted(c);
  const at::Tensor x = at::randn(c.shape).mul(2);
  const Recorded r{{tensor_of(x)}, tensor_of(m.forward({x}).toTensor())};
  const auto module = imported(m, r);
  if (!module) FAIL(module.error().message);
  const auto evaluator = Evaluator::prepare(*module);
  if (!evaluator) FAIL(evaluator.error().message);
  const auto outputs = evaluator->run(r.inputs);
  if (!outputs) FAIL(outputs.error().message);
  CHECK(relative_error(outputs->front(), r.output) <= 1e-5);
}

inline std::string refusal(const Case& c) {
  torch::jit::Module m = scripted(c);
  const at::Tensor x = at::randn(c.shape);
  const auto module = imported(m, {{tensor_of(x)}, Tensor()});
  return module ? "" : module.error().message;
}

}  // namespace fastc::test
