// Importing with what the recipe and the data say about the inputs. The order of who decides: recipe (and --shape), file, first
// sample of the task's data.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "driver/recipe/recipe.h"
#include "ir/module.h"
#include "tasks/task.h"

namespace fastc {

// A network's inputs in forward()'s order.
using InputTypes = std::vector<std::pair<std::string, Type>>;

// `task` may be null. The module has been canonicalized.
Result<Module> import_for_recipe(const Recipe& recipe, const std::filesystem::path& file, const Task* task);
// The task of the recipe, or fidelity on random inputs when it names none.
Result<std::unique_ptr<Task>> task_for_recipe(const Recipe& recipe, const InputTypes& inputs);
// Input types as far as recipe and file say them; an empty shape means that neither does.
Result<InputTypes> known_inputs(const Recipe& recipe, const std::filesystem::path& file);
InputTypes input_types(const Module& module);

}  // namespace fastc
