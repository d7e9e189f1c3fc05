// What comes from outside the recipe file: ${ENV} in any text, --set key.path=value, --shape, applied before anything is checked.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "driver/recipe/recipe.h"

namespace fastc {

// --set values are JSON where they parse as JSON (2, true, "text", [1]), else plain text. A path must lead through objects
// and lists that exist; its last key may be new. An unset ${NAME} is an error.
Status apply_overrides(nlohmann::json& recipe, const RecipeOverrides& overrides);

}  // namespace fastc
