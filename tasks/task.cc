#include "tasks/task.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tasks/metrics/metrics.h"
#include "tasks/readers/reader.h"

namespace fastc {
namespace {

using nlohmann::json;

// What a task type is. Adding one is a row here and its metric.
struct TaskType {
  const char* name;
  const char* summary;
  const char* primary;
  bool needs_reference;
  bool needs_labels;  // of the evaluation and training data
  DType labels;       // classes, or numbers
  std::unique_ptr<Metric> (*metric)();
};

constexpr TaskType kTypes[] = {
    {"image_classification", "images with one right class each", "accuracy", false, true, DType::kI64, classification_metric},
    {"text_classification", "texts with one right class each", "accuracy", false, true, DType::kI64, text_classification_metric},
    {"regression", "samples with one right number each", "pearson", false, true, DType::kF32, regression_metric},
    {"fidelity", "no labels: outputs are compared with the original's", "agreement", true, false, DType::kI64, fidelity_metric},
};

struct TaskOptions {
  std::string type = "fidelity";
  json calibration, train, evaluation;
};

const OptionSet<TaskOptions>& task_options() {
  static const auto set = [] {
    std::vector<std::string> names;
    for (const auto& type : kTypes) names.emplace_back(type.name);
    return OptionSet<TaskOptions>("What good means: data, and how outputs are scored")
        .choice("type", &TaskOptions::type, names, "how outputs are scored")
        .json("calibration", &TaskOptions::calibration, "data that ranges of activations are measured on")
        .json("train", &TaskOptions::train, "data to train on")
        .json("evaluation", &TaskOptions::evaluation, "data that accuracy is measured on; never trained on");
  }();
  return set;
}

class DataTask final : public Task {
 public:
  explicit DataTask(const TaskType& type) : type_(type) {}
  std::string type() const override { return type_.name; }
  std::string primary() const override { return type_.primary; }
  bool needs_reference() const override { return type_.needs_reference; }
  std::unique_ptr<Metric> metric() const override { return type_.metric(); }
  const Dataset* calibration() const override { return calibration_.get(); }
  const Dataset* train() const override { return train_.get(); }
  const Dataset* evaluation() const override { return evaluation_.get(); }

  std::unique_ptr<Dataset> calibration_, train_, evaluation_;

 private:
  const TaskType& type_;
};

Result<std::unique_ptr<Dataset>> open_part(const json& data, const char* part, const TaskType& type, const std::filesystem::path& folder,
                                           const std::map<std::string, Type>& inputs, uint64_t seed, const std::vector<std::string>& order) {
  if (data.is_null()) return nullptr;
  const ReaderContext context{folder, inputs, seed, json_child("/task", part), order, type.labels};
  auto dataset = open_dataset(data, context);
  if (!dataset && dataset.error().cls == ErrorClass::kInput) return at(context.place, dataset.error());  // which knows the file, not who named it
  if (!dataset) return dataset;
  if (type.needs_labels && !(*dataset)->has_labels() && std::string_view(part) != "calibration")
    return usage_error("{}: expected data with labels, found none; say where they are (\"label\" in npz, csv, tsv and jsonl, \"labels\" in idx)", context.place);
  return dataset;
}

bool shapes_known(const std::map<std::string, Type>& inputs) {
  for (const auto& [name, type] : inputs) {
    if (type.shape.empty()) return false;
  }
  return !inputs.empty();
}

json data_schema() {
  json formats = json::array();
  for (const auto* reader : all_readers()) formats.push_back(reader->options.schema());
  return {{"oneOf", std::move(formats)}};
}

}  // namespace

Result<std::unique_ptr<Task>> make_task(const json& recipe, const std::filesystem::path& folder, const std::map<std::string, Type>& inputs,
                                        uint64_t seed, const std::vector<std::string>& order) {
  FASTC_TRY(TaskOptions options, task_options().parse(recipe, "/task"));
  const TaskType* type = &kTypes[0];
  for (const auto& one : kTypes) {
    if (options.type == one.name) type = &one;
  }
  // Fidelity needs no data of the user's: where none is named, random inputs stand in, once their shapes are known.
  if (type->needs_reference && shapes_known(inputs)) {
    for (json* data : {&options.calibration, &options.evaluation}) {
      if (data->is_null()) *data = {{"format", "random"}};
    }
  }
  if (type->needs_labels && options.evaluation.is_null())
    return usage_error("/task: expected the key \"evaluation\" (the type {} scores labelled data), found none", type->name);
  auto task = std::make_unique<DataTask>(*type);
  FASTC_TRY(task->calibration_, open_part(options.calibration, "calibration", *type, folder, inputs, seed, order));
  FASTC_TRY(task->train_, open_part(options.train, "train", *type, folder, inputs, seed, order));
  FASTC_TRY(task->evaluation_, open_part(options.evaluation, "evaluation", *type, folder, inputs, seed, order));
  return task;
}

json task_schema() {
  json schema = task_options().schema();
  for (const char* part : {"calibration", "train", "evaluation"}) {
    json one = data_schema();
    one["description"] = schema["properties"][part]["description"];
    schema["properties"][part] = std::move(one);
  }
  return schema;
}

}  // namespace fastc
