#include "driver/model_file.h"

#include <cmath>
#include <cstring>
#include <thread>

#include "backends/runtime/format.h"
#include "base/npy.h"
#include "base/random.h"
#include "driver/arrays.h"
#include "driver/pipeline/context.h"
#include "driver/pipeline/emitted.h"
#include "driver/pipeline/import.h"
#include "engine/engine.h"
#include "frontends/frontend.h"
#include "engine/interpreter.h"
#include "ir/text.h"

namespace fastc {
namespace {

int all_cores() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

Result<std::vector<Tensor>> run_on(const std::filesystem::path& model, const std::string& on, std::span<const Tensor> inputs, const std::vector<std::string>& shapes, int threads,
                                   std::vector<std::string>& names) {
  set_engine_threads(threads);
  if (on == "torchscript") {
    FASTC_TRY(std::vector<Tensor> outputs, run_torchscript(model, inputs));
    for (size_t i = 0; i < outputs.size(); ++i) names.push_back("output_" + std::to_string(i));
    return outputs;
  }
  if (on == "engine") {
    FASTC_TRY(const Module module, import_with_shapes(model, shapes));
    for (const ValueId id : module.outputs) names.push_back(module.value(id).name);
    FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
    return evaluator.run(inputs);
  }
  FASTC_TRY(const ModelFile file, open_model_file(model, shapes));
  FASTC_TRY(ArtifactModel artifact, ArtifactModel::open(file.artifact, threads));
  names = artifact.output_names();
  return artifact.run(inputs);
}

Result<std::vector<ModelInput>> inputs_of(const std::filesystem::path& model, const std::string& on, const std::vector<std::string>& shapes) {
  if (on == "torchscript") {
    std::vector<ModelInput> inputs;
    FASTC_TRY(const std::vector<InputInfo> infos, model_inputs(model));
    for (const InputInfo& info : infos) inputs.push_back({info.name, info.dtype.value_or(DType::kF32), {}, {}, {}});
    return inputs;
  }
  if (on == "engine") {
    FASTC_TRY(const Module module, import_with_shapes(model, shapes));
    std::vector<ModelInput> inputs;
    for (const ValueId id : module.inputs) inputs.push_back({module.value(id).name, module.value(id).type.dtype, {}, {}, {}});
    return inputs;
  }
  FASTC_TRY(const ModelFile file, open_model_file(model, shapes));
  FASTC_TRY(const ArtifactModel artifact, ArtifactModel::open(file.artifact, 1));
  return artifact.inputs();
}

}  // namespace

bool is_artifact(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return file && (*file)->bytes().size() >= sizeof rt::kMagic && std::memcmp((*file)->bytes().data(), rt::kMagic, sizeof rt::kMagic) == 0;
}

Result<Module> import_with_shapes(const std::filesystem::path& path, const std::vector<std::string>& shapes) {
  ImportOptions options;
  for (const std::string& text : shapes) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return usage_error("--shape {}: expected NAME=N,3,32,32", text);
    auto shape = parse_shape(text.substr(equals + 1));
    if (!shape) return usage_error("--shape {}: {}", text, shape.error().message);
    options.inputs[text.substr(0, equals)].shape = *shape;
  }
  // IR text says its shapes itself; with it a pass can be measured on a network that no framework has seen.
  const bool text = path.extension() == ".ir";
  FASTC_TRY(Module module, text ? read_module(path) : import_model(path, options));
  const Recipe recipe;
  const Models none;
  StageContext context(recipe, nullptr, none, "import", silent_progress());
  FASTC_CHECK(make_canonical(module, context));
  return module;
}

Result<ModelFile> open_model_file(const std::filesystem::path& path, const std::vector<std::string>& shapes) {
  ModelFile file;
  if (is_artifact(path)) {
    FASTC_CHECK(ArtifactModel::open(path, 1));  // a damaged file is the user's input, and said here, not by a child process
    file.artifact = path;
    return file;
  }
  FASTC_TRY(file.module, import_with_shapes(path, shapes));
  FASTC_TRY(file.temporary, TempDir::make());
  const Recipe recipe;
  const Models none;
  StageContext context(recipe, nullptr, none, "emit", silent_progress());
  file.artifact = file.temporary->path() / "model.fastc";
  FASTC_CHECK(emit(*file.module, file.artifact, {}, context));
  return file;
}

Status run_file(const std::filesystem::path& model, const std::filesystem::path& input_npz, const std::filesystem::path& output_npz, const std::string& on,
                const std::vector<std::string>& shapes, int threads) {
  FASTC_TRY(const std::vector<ModelInput> wanted, inputs_of(model, on, shapes));
  FASTC_TRY(const std::vector<Tensor> inputs, read_inputs(input_npz, wanted));
  std::vector<std::string> names;
  FASTC_TRY(const std::vector<Tensor> outputs, run_on(model, on, inputs, shapes, threads, names));
  return write_arrays(output_npz, names, outputs);
}

Result<std::vector<BenchRow>> bench_file(const std::filesystem::path& model, const std::vector<int64_t>& batches, const std::vector<int64_t>& threads, int64_t rounds,
                                         const std::vector<std::string>& shapes, Progress& progress) {
  FASTC_TRY(const ModelFile file, open_model_file(model, shapes));
  std::vector<BenchRow> rows;
  for (const int64_t batch : batches)
    for (const int64_t t : threads) {
      FASTC_TRY(const RunnerFigures figures, measure_one(file.artifact, {batch, t, "auto", {}}, rounds, progress));
      rows.push_back({batch, t, figures});
    }
  return rows;
}

Result<PairedFigures> bench_pair(const std::filesystem::path& a, const std::filesystem::path& b, const RunnerSettings& settings, int64_t rounds,
                                 const std::vector<std::string>& shapes, Progress& progress) {
  FASTC_TRY(const ModelFile first, open_model_file(a, shapes));
  FASTC_TRY(const ModelFile second, open_model_file(b, shapes));
  return measure_paired(first.artifact, second.artifact, settings, rounds, progress);
}

Result<Evaluation> eval_file(const std::filesystem::path& model, const std::filesystem::path& recipe_file, const std::vector<std::string>& set, const std::string& on, Progress& progress) {
  FASTC_TRY(const Recipe recipe, read_recipe(recipe_file, {set, {}, {}}));
  set_engine_threads(engine_threads(recipe));
  const std::filesystem::path original = recipe.resolve(recipe.model.path);
  FASTC_TRY(const auto types, known_inputs(recipe, original));
  FASTC_TRY(const std::unique_ptr<Task> task, task_for_recipe(recipe, types));
  FASTC_TRY(const Module reference, import_for_recipe(recipe, original, task.get()));
  FASTC_TRY(const Evaluator reference_run, Evaluator::prepare(reference));
  const RunBatch expected = [&](std::span<const Tensor> in) { return reference_run.run(in); };
  Evaluation result{{}, task->type(), task->primary()};
  if (is_artifact(model)) {
    if (on == "engine") return usage_error("--on engine: {} is an artifact, which only the runtime runs", model.string());
    FASTC_TRY(ArtifactModel artifact, ArtifactModel::open(model, engine_threads(recipe)));
    FASTC_TRY(result.metrics, evaluate([&](std::span<const Tensor> in) { return artifact.run(in); }, *task, expected, progress));
    return result;
  }
  FASTC_TRY(const Module module, import_for_recipe(recipe, model, task.get()));
  if (on == "engine") {
    FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
    FASTC_TRY(result.metrics, evaluate([&](std::span<const Tensor> in) { return evaluator.run(in); }, *task, expected, progress));
    return result;
  }
  FASTC_TRY(const TempDir folder, TempDir::make());
  const Models none;
  StageContext context(recipe, task.get(), none, "emit", silent_progress());
  FASTC_TRY(const Emitted emitted, emit(module, folder.path() / "model.fastc", {}, context));
  FASTC_TRY(ArtifactModel artifact, ArtifactModel::open(emitted.path, engine_threads(recipe)));
  FASTC_TRY(result.metrics, evaluate([&](std::span<const Tensor> in) { return artifact.run(in); }, *task, expected, progress));
  return result;
}

Result<std::vector<OutputDifference>> compare_files(const std::filesystem::path& a, const std::filesystem::path& b, const std::filesystem::path& input_npz, int64_t batch,
                                                    const std::vector<std::string>& shapes) {
  FASTC_TRY(const ModelFile first, open_model_file(a, shapes));
  FASTC_TRY(const ModelFile second, open_model_file(b, shapes));
  FASTC_TRY(ArtifactModel x, ArtifactModel::open(first.artifact, all_cores()));
  FASTC_TRY(ArtifactModel y, ArtifactModel::open(second.artifact, all_cores()));
  std::vector<Tensor> inputs;
  if (input_npz.empty()) {
    inputs = random_inputs(x.inputs(), batch, seed_for(0, "compare"));
  } else {
    FASTC_TRY(inputs, read_inputs(input_npz, x.inputs()));
  }
  FASTC_TRY(const std::vector<Tensor> left, x.run(inputs));
  FASTC_TRY(const std::vector<Tensor> right, y.run(inputs));
  if (left.size() != right.size()) return input_error("{} has {} outputs, {} has {}", a.string(), left.size(), b.string(), right.size());
  std::vector<OutputDifference> rows;
  for (size_t i = 0; i < left.size(); ++i) {
    if (left[i].shape() != right[i].shape()) return input_error("output {}: the two files give different shapes", x.output_names()[i]);
    rows.push_back(output_difference(x.output_names()[i], left[i], right[i]));
  }
  return rows;
}

}  // namespace fastc
