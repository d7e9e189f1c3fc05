// `fastc compress`: a checked recipe, carried out stage by stage, to artifact, stub and report.
#pragma once

#include <filesystem>
#include <functional>

#include "base/api.h"
#include "base/progress.h"
#include "base/result.h"
#include "driver/recipe/recipe.h"
#include "driver/report/report.h"

namespace fastc {

struct CompressOptions {
  bool dry_run = false;     // preflight only
  bool strict = false;      // a stage that changed nothing fails
  bool resume = true;       // take finished stages and epochs from the journal when their inputs are the same; false: and throw it away first
  std::filesystem::path replay;  // decisions.json of an earlier run: choices made from measured time are repeated, not measured
};

// What preflight found, before any weight is touched.
struct Preflight {
  std::vector<std::string> lines;  // sentences: what will be done, on what
};
FASTC_API Result<Preflight> preflight(const Recipe& recipe);

// Runs everything. A failed gate or a mismatch is not an error here: the report says it in `status`, and the artifact is written.
FASTC_API Result<Report> compress(const Recipe& recipe, const CompressOptions& options, Progress& progress);

}  // namespace fastc
