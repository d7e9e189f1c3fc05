#pragma once

#include <vector>

#include "driver/recipe/recipe.h"
#include "driver/report/report.h"

namespace fastc {

// One row for every limit the recipe sets, judged on the figures in the report.
std::vector<GateRow> judge_gates(const RecipeGates& gates, const Report& report);
std::string latency_key(int64_t batch, int64_t threads);  // "b1t1"

}  // namespace fastc
