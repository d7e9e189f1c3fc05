// The order of stages: what a pass needs and leaves, checked before anything runs.
#pragma once

#include "base/result.h"
#include "driver/recipe/recipe.h"

namespace fastc {

// kUsage error naming both stages: "/pipeline/2 (finetune) needs a float network, but /pipeline/1 (quantize.static) leaves a quantized one".
Status check_order(const Recipe& recipe, bool has_training_data);

}  // namespace fastc
