#include "driver/pipeline/import.h"

#include <nlohmann/json.hpp>

#include "driver/pipeline/context.h"
#include "driver/pipeline/emitted.h"
#include "frontends/frontend.h"

namespace fastc {
namespace {

Result<ImportOptions> options_from(const RecipeModel& model) {
  ImportOptions options;
  for (const auto& [name, input] : model.inputs) {
    InputSpec spec;
    const std::string place = "/model/inputs/" + name;
    if (!input.shape.empty()) {
      std::string text;
      for (const std::string& size : input.shape) text += (text.empty() ? "" : ",") + size;
      auto shape = parse_shape(text);
      if (!shape) return usage_error("{}/shape: {}", place, shape.error().message);
      spec.shape = *shape;
    }
    auto dtype = parse_dtype(input.dtype);
    if (!dtype) return usage_error("{}/dtype: {}", place, dtype.error().message);
    spec.dtype = *dtype;
    options.inputs.emplace(name, std::move(spec));
  }
  return options;
}

}  // namespace

InputTypes input_types(const Module& module) {
  InputTypes types;
  for (const ValueId id : module.inputs) types.emplace_back(module.value(id).name, module.value(id).type);
  return types;
}

Result<InputTypes> known_inputs(const Recipe& recipe, const std::filesystem::path& file) {
  FASTC_TRY(const std::vector<InputInfo> infos, model_inputs(file));
  FASTC_TRY(const ImportOptions options, options_from(recipe.model));
  InputTypes types;
  for (const InputInfo& info : infos) {
    Type type{info.dtype.value_or(DType::kF32), info.shape.value_or(Shape{}), {}};
    if (const auto given = options.inputs.find(info.name); given != options.inputs.end()) {
      type.shape = given->second.shape.value_or(type.shape);
      type.dtype = given->second.dtype.value_or(type.dtype);
    }
    types.emplace_back(info.name, std::move(type));
  }
  return types;
}

Result<std::unique_ptr<Task>> task_for_recipe(const Recipe& recipe, const InputTypes& inputs) {
  const nlohmann::json fallback = {{"type", "fidelity"}};
  std::vector<std::string> order;
  for (const auto& [name, type] : inputs) order.push_back(name);
  return make_task(recipe.task ? *recipe.task : fallback, recipe.folder, {inputs.begin(), inputs.end()}, recipe.seed, order);
}

Result<Module> import_for_recipe(const Recipe& recipe, const std::filesystem::path& file, const Task* task) {
  FASTC_TRY(ImportOptions options, options_from(recipe.model));
  const Dataset* data = !task ? nullptr : task->evaluation() ? task->evaluation() : task->calibration();
  if (data) {
    const std::vector<std::string> names = data->input_names();
    const std::vector<Type> types = data->input_types();
    for (size_t i = 0; i < names.size() && i < types.size(); ++i)
      if (!types[i].shape.empty()) options.fallback.emplace("input_" + std::to_string(i), InputSpec{types[i].shape, types[i].dtype});
  }
  FASTC_TRY(Module module, import_model(file, options));
  const Models none;
  StageContext context(recipe, task, none, "import", silent_progress());
  FASTC_CHECK(make_canonical(module, context));
  return module;
}

}  // namespace fastc
