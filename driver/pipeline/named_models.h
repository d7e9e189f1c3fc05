// The models that stages name: teachers, students, peers. Looked for before any weight is read.
#pragma once

#include "base/result.h"
#include "driver/pipeline/import.h"
#include "driver/recipe/recipe.h"

namespace fastc {

// Every option that names a model (PassTraits::models) names "original", an earlier stage, or a file that is there, can be read, is a model, and takes as many
// inputs as the network, of the same types as far as the files say them. Errors carry the option's JSON pointer.
Status check_named_models(const Recipe& recipe, const InputTypes& inputs);

}  // namespace fastc
