// One network in fastc's runtime, in fastc's engine, and in LibTorch as loaded, frozen, frozen in channels-last, and optimized for
// inference: all in one process and in alternating rounds, so that every round sees the same machine. Prints one JSON object: the median
// milliseconds of each, and the median of its paired ratio to the runtime (above 1: slower than the runtime).
//
//   bench_libtorch MODEL.pt MODEL.fastc SHAPE [THREADS] [ROUNDS]       SHAPE: 1,3,32,32
//
// MODEL.fastc is the same network lowered in fp32 (OUT/.work/original.fastc of a compress run, or a recipe without stages).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>
#include <torch/script.h>
#include <torch/csrc/jit/passes/freeze_module.h>

#include "backends/runtime/fastc_rt.hpp"
#include "engine/engine.h"
#include "frontends/frontend.h"

namespace {

struct Candidate {
  std::string name;
  std::function<void()> run;
  std::vector<double> ms, ratio;
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_libtorch: %s\n", why.c_str());
  std::exit(1);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double milliseconds(const std::function<void()>& run, int runs) {
  std::vector<double> each;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    each.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return median(each);
}

std::vector<int64_t> sizes_of(const std::string& text) {
  std::vector<int64_t> sizes;
  std::istringstream in(text);
  for (std::string size; std::getline(in, size, ',');) sizes.push_back(std::stoll(size));
  return sizes;
}

// The runtime through its C ABI, as a program of a user's own would call it.
struct Runtime {
  fastc::Model model;
  fastc::Session session;
  std::vector<float> output;
  fastc_rt_tensor in{}, out{};

  Runtime(const std::string& path, at::Tensor& x, int threads) {
    if (!model.open(path)) fail(model.error());
    in = fastc::tensor(x.data_ptr(), FASTC_RT_F32, x.sizes());
    if (!session.open(model, {in}, threads)) fail(session.error());
    if (!session.output_shape({&in, 1}, 0, out)) fail(session.error());
    int64_t elements = 1;
    for (int32_t i = 0; i < out.rank; ++i) elements *= out.shape[i];
    output.resize(static_cast<size_t>(elements));
    out.data = output.data();
  }
  void run() {
    if (!session.run({&in, 1}, {&out, 1})) fail(session.error());
  }
};

fastc::Module import(const std::string& path, const std::vector<int64_t>& shape) {
  fastc::ImportOptions options;
  const auto inputs = fastc::model_inputs(path);
  if (!inputs || inputs->size() != 1) fail("expected a network of one input in " + path);
  options.inputs[inputs->front().name].shape = fastc::Shape(shape.begin(), shape.end());
  auto module = fastc::import_model(path, options);
  if (!module) fail(module.error().message);
  return std::move(*module);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) fail("expected MODEL.pt MODEL.fastc SHAPE [THREADS] [ROUNDS]");
  const std::vector<int64_t> shape = sizes_of(argv[3]);
  const int threads = argc > 4 ? std::atoi(argv[4]) : 1, rounds = argc > 5 ? std::atoi(argv[5]) : 31;
  at::set_num_threads(threads);
  const c10::InferenceMode no_gradients;
  at::manual_seed(1);
  at::Tensor x = at::randn(shape);
  const at::Tensor x_last = x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;

  torch::jit::Module raw = torch::jit::load(argv[1]);
  raw.eval();
  torch::jit::Module frozen = torch::jit::freeze(raw);
  torch::jit::Module last = torch::jit::load(argv[1]);
  last.eval();
  for (const at::Tensor& p : last.parameters())
    if (p.dim() == 4) p.set_data(p.contiguous(at::MemoryFormat::ChannelsLast));
  last = torch::jit::freeze(last);
  torch::jit::Module copy = raw.deepcopy();
  torch::jit::Module optimized = torch::jit::optimize_for_inference(copy);

  Runtime runtime(argv[2], x, threads);
  const fastc::Module module = import(argv[1], shape);
  const auto evaluator = fastc::Evaluator::prepare(module);
  if (!evaluator) fail(evaluator.error().message);
  const std::vector<fastc::Tensor> engine_input = {fastc::Tensor::of<float>(shape, {x.data_ptr<float>(), static_cast<size_t>(x.numel())})};

  std::vector<Candidate> all;
  all.push_back({"runtime", [&] { runtime.run(); }, {}, {}});
  all.push_back({"engine", [&] { if (!evaluator->run(engine_input)) fail("the engine failed"); }, {}, {}});
  for (auto [name, m, input] : {std::tuple{"loaded", &raw, &std::as_const(x)}, {"frozen", &frozen, &std::as_const(x)}, {"frozen_channels_last", &last, &x_last}, {"optimized", &optimized, &std::as_const(x)}})
    all.push_back({name, [m = m, input = input] { m->forward({*input}); }, {}, {}});

  for (Candidate& c : all) milliseconds(c.run, 10);  // LibTorch profiles and compiles in its first runs
  const int runs = std::clamp(static_cast<int>(30 / milliseconds(all[0].run, 3)), 3, 100);
  for (int round = 0; round < rounds; ++round) {
    for (Candidate& c : all) c.ms.push_back(milliseconds(c.run, runs));
    for (Candidate& c : all) c.ratio.push_back(c.ms.back() / all[0].ms.back());
  }
  nlohmann::json out{{"threads", threads}, {"shape", shape}, {"rounds", rounds}, {"isa", fastc_rt_isa()}};
  for (const Candidate& c : all) out["ms"][c.name] = median(c.ms), out["ratio_to_runtime"][c.name] = median(c.ratio);
  std::cout << out.dump(2) << "\n";
  return 0;
}
