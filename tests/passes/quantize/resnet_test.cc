// quantize.static on a trained network: ResNet-56, calibrated on 512 training images, evaluated exactly by the engine.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "frontends/frontend.h"
#include "ir/op.h"
#include "tasks/task.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

Module imported(const std::filesystem::path& path) {
  ImportOptions options;
  options.inputs["x"] = {Shape{Dim::symbol("N"), 3, 32, 32}, DType::kF32};
  auto module = import_model(path, options);
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  return std::move(*module);
}

std::unique_ptr<Task> task_of(const std::filesystem::path& folder, int64_t evaluated) {
  const nlohmann::json normalize{{"mean", {0.485, 0.456, 0.406}}, {"std", {0.229, 0.224, 0.225}}};
  const nlohmann::json recipe{
      {"type", "image_classification"},
      {"calibration", {{"format", "cifar10"}, {"path", "train_batch.bin"}, {"limit", 512}, {"normalize", normalize}}},
      {"evaluation",
       {{"format", "cifar10"}, {"path", "eval_batch.bin"}, {"limit", evaluated}, {"normalize", normalize}}}};
  auto task = make_task(recipe, folder, {{"x", {DType::kF32, {Dim::symbol("N"), 3, 32, 32}, {}}}}, 1);
  INFO((task ? "" : task.error().message));
  REQUIRE(task);
  return std::move(*task);
}

int64_t right_answers(const Module& module, const Dataset& data) {
  auto evaluator = Evaluator::prepare(module);
  REQUIRE(evaluator);
  int64_t right = 0;
  for (int64_t first = 0; first < data.size(); first += 100) {
    std::vector<int64_t> indices(static_cast<size_t>(std::min<int64_t>(100, data.size() - first)));
    std::iota(indices.begin(), indices.end(), first);
    const auto batch = data.batch(indices);
    REQUIRE(batch);
    const auto outputs = evaluator->run(batch->inputs);
    INFO((outputs ? "" : outputs.error().message));
    REQUIRE(outputs);
    const auto scores = to_doubles((*outputs)[0]);
    const auto labels = to_doubles(batch->labels);
    for (size_t i = 0; i < indices.size(); ++i) {
      const auto row = scores.begin() + static_cast<std::ptrdiff_t>(i * 10);
      right += std::max_element(row, row + 10) - row == static_cast<int64_t>(labels[i]);
    }
  }
  return right;
}

}  // namespace

// FASTC_TEST_FULL=1 evaluates all 3000 images instead of 200, with every observer.
TEST_CASE("quantize.static: ResNet-56 keeps its accuracy, integer throughout") {
  const auto model = test_data("models/cifar10_resnet56.pt");
  const auto data = test_data("data/cifar10/eval_batch.bin");
  if (!model || !data) return;
  const bool full = std::getenv("FASTC_TEST_FULL") != nullptr;
  set_engine_threads(2);
  Module original = imported(*model);
  const auto task = task_of(data->parent_path(), full ? 3000 : 200);
  PlainContext context;
  context.calibration_data = task->calibration();
  pass_ok("graph.canonicalize", original, context);
  pass_ok("graph.fold", original, context);
  pass_ok("graph.fuse", original, context);
  const int64_t float_right = right_answers(original, *task->evaluation());
  for (const char* observer : {"percentile", "min_max", "mse"}) {
    Module module = original;
    pass_ok("quantize.static", module, context, {{"observer", observer}});
    size_t quantizes = 0, dequantizes = 0;
    for (const NodeId id : module.order()) {
      quantizes += module.node(id).op->name == "quantize";
      dequantizes += module.node(id).op->name == "dequantize";
    }
    CHECK(quantizes == 1);
    CHECK(dequantizes == 0);
    const int64_t right = right_answers(module, *task->evaluation());
    std::cout << "ResNet-56 int8, " << observer << ": " << right << " right, float " << float_right << "\n";
    CHECK(right >= (full ? 2495 : float_right - 2));
    if (!full) break;
  }
}
