// What a model file is, in words; and one pass alone on IR text.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/result.h"

namespace fastc {

enum class InspectView { kSummary, kText, kGroups, kTensors };
FASTC_API Result<std::string> inspect_file(const std::filesystem::path& model, InspectView view, const std::vector<std::string>& shapes);

// `options`: the pass's options as JSON text. `out` empty: the result's text is returned; else it is written there (with its
// sidecar) and what the pass reported is returned.
FASTC_API Result<std::string> run_pass_on_file(const std::string& pass, const std::filesystem::path& ir, const std::string& options, const std::filesystem::path& plugin,
                                               const std::filesystem::path& out);

}  // namespace fastc
