// A model taken through what fastc does with it: imported, lowered, run in engine and runtime, changed by passes. Failures are
// sentences, so that one run of the tests tells all of them.
#pragma once

#include <functional>

#include "base/files.h"
#include "tests/passes/support.h"
#include "tests/recorded.h"

namespace fastc::test {

// Where a model was recorded: its two batches; the file it is read from.
struct Specimen {
  std::filesystem::path model, npz;
  Recorded small, large;
};
Specimen specimen(const std::filesystem::path& model, const std::filesystem::path& npz);

// Imported and canonicalized, as the driver does it.
Result<Module> imported(const Specimen& s);

// Lowers, writes, opens: engine and artifact agree node by node and as a whole on both batches, and with what was recorded where `recorded`.
Status agree(const Module& module, const Specimen& s, bool recorded);

// One stage of a pipeline, e.g. {"prune.channel", {{"ratio", 0.5}}}; the implicit passes are run where the pass wants them. An error that a
// user would see is returned as it is.
struct Method {
  std::string pass;
  nlohmann::json options = nlohmann::json::object();
};
Result<PassReport> apply(const Method& method, Module& module, const Specimen& s, const Module& original);

// Every method alone, and chains of them.
const std::vector<std::vector<Method>>& pipelines();
std::string name_of(const std::vector<Method>& stages);

// What a stage made of a module.
using Observer = std::function<void(const std::string& pass, const Module& before, const Module& after)>;
// Applies the stages and compares; what went wrong, or "". To `refused` go the sentences of stages that the model cannot take.
std::string failure_of(const Specimen& s, const Module& original, const std::vector<Method>& stages, std::vector<std::string>& refused, const Observer& observe = {});

}  // namespace fastc::test
