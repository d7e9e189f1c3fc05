#pragma once

#include "base/options.h"

namespace fastc {

const OptionTable& recipe_top_table();  // the recipe's top level, as declared in recipe.cc

}  // namespace fastc
