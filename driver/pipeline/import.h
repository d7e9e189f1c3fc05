// Importing with what the recipe and the data say about the inputs. The order of who decides: recipe (and --shape), file, first
// sample of the task's data.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "driver/recipe/recipe.h"
#include "ir/module.h"
#include "tasks/task.h"

namespace fastc {

// `task` may be null. The module has been canonicalized.
Result<Module> import_for_recipe(const Recipe& recipe, const std::filesystem::path& file, const Task* task);
// The task of the recipe, or fidelity on random inputs when it names none.
Result<std::unique_ptr<Task>> task_for_recipe(const Recipe& recipe, const std::map<std::string, Type>& inputs);
// Input types as far as recipe and file say them.
Result<std::map<std::string, Type>> known_inputs(const Recipe& recipe, const std::filesystem::path& file);
std::map<std::string, Type> input_types(const Module& module);

}  // namespace fastc
