#include "driver/pipeline/within_drop.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "engine/sensitivity.h"

namespace fastc {
namespace {

using nlohmann::json;

constexpr int64_t kSensitivitySamples = 64;

struct Trial {
  Module module;
  PassReport report;
  double drop = 0;
};

bool has_option(const Pass& pass, std::string_view name) {
  const auto& fields = pass.options().fields();
  return std::any_of(fields.begin(), fields.end(), [&](const OptionField& f) { return f.name == name; });
}

// The option that lists what keeps more bits. A pass calls the bits of its weights "weight_bits" where activations have bits too; under a budget it
// chooses them itself.
const char* key_of(const Stage& stage) {
  const int64_t bits = stage.options.value("weight_bits", stage.options.value("bits", int64_t{8}));
  return bits < 8 && !stage.options.contains("budget") && has_option(*find_pass(stage.pass), "int8") ? "int8" : "exclude";
}

class Search {
 public:
  Search(const Stage& stage, const Module& before, const Score& score, PassContext& context)
      : stage_(stage), before_(before), score_(score), context_(context), key_(key_of(stage)) {}

  Result<Trial> run() {
    FASTC_TRY(base_, score_(before_));
    FASTC_TRY(Trial all, attempt(0));
    const double whole_drop = all.drop;
    if (all.drop <= *stage_.max_drop) return said(std::move(all), 0, whole_drop);
    FASTC_CHECK(rank(all.module));
    size_t fails = 0, holds = ranked_.size() + 1, best_kept = 0;  // one more than there are: perhaps nothing holds
    Trial best = std::move(all);
    while (fails + 1 < holds) {
      const size_t kept = (fails + holds) / 2;
      FASTC_TRY(Trial trial, attempt(kept));
      const bool held = trial.drop <= *stage_.max_drop;
      if (held || trial.drop < best.drop) best = std::move(trial), best_kept = kept;
      (held ? holds : fails) = kept;
    }
    return said(std::move(best), best_kept, whole_drop);
  }

 private:
  // Only layers that the stage's own options let be quantized are in the program, so patterns match what is there.
  Status rank(const Module& quantized) {
    const Dataset* data = context_.calibration();
    if (data == nullptr || data->size() == 0) return stage_error("\"max_drop\" measures the layers' sensitivity on calibration data, and the task has none");
    std::vector<int64_t> indices(static_cast<size_t>(std::min(kSensitivitySamples, data->size())));
    std::iota(indices.begin(), indices.end(), 0);
    FASTC_TRY(const Batch batch, data->batch(indices));
    FASTC_TRY(const auto layers, layer_sensitivities(quantized, before_, batch.inputs));
    for (const LayerSensitivity& layer : layers) ranked_.push_back(layer.node);
    return {};
  }

  Result<Trial> attempt(size_t kept) {
    json options = stage_.options;
    json patterns = options.value(key_, json::array());
    if (patterns.is_string()) patterns = json::array({patterns});
    for (size_t i = 0; i < kept; ++i) patterns.push_back(ranked_[i]);
    if (!patterns.empty()) options[key_] = patterns;
    Trial trial{before_, {}, 0};
    FASTC_TRY(trial.report, find_pass(stage_.pass)->run(trial.module, options, context_));
    if (Status status = verify(trial.module); !status) return internal_error("after {}: {}", stage_.pass, status.error().message);
    FASTC_TRY(const double value, score_(trial.module));
    trial.drop = base_ - value;
    return trial;
  }

  Trial said(Trial trial, size_t kept, double whole_drop) const {
    auto& notes = trial.report.notes;
    const std::string_view precision = key_ == "int8" ? "8-bit weights" : "floats";
    if (kept == 0) {
      notes.push_back(fmt::format("No layer had to keep {}: the metric falls by {:.4f}.", precision, trial.drop));
    } else {
      const std::vector<std::string> names(ranked_.begin(), ranked_.begin() + static_cast<std::ptrdiff_t>(kept));
      notes.push_back(fmt::format("{} of {} layers keep {}, the most sensitive ones ({}): the metric falls by {:.4f} instead of {:.4f}.", kept, ranked_.size(), precision,
                                  fmt::join(names, ", "), trial.drop, whole_drop));
    }
    if (trial.drop > *stage_.max_drop) notes.push_back(fmt::format("max_drop {} is missed by {:.4f}: this is the best that was found.", *stage_.max_drop, trial.drop - *stage_.max_drop));
    trial.report.numbers.emplace_back("layers_kept", static_cast<double>(kept));
    trial.report.numbers.emplace_back("metric_drop", trial.drop);
    return trial;
  }

  const Stage& stage_;
  const Module& before_;
  const Score& score_;
  PassContext& context_;
  std::string key_;
  double base_ = 0;
  std::vector<std::string> ranked_;  // layers, the most sensitive first
};

}  // namespace

bool can_hold_drop(const Pass& pass) { return pass.traits().leaves == ProgramState::kQuantized && has_option(pass, "exclude"); }

Result<PassReport> quantize_within_drop(const Stage& stage, Module& module, const Score& score, PassContext& context) {
  const Module before = module;
  FASTC_TRY(Trial trial, Search(stage, before, score, context).run());
  module = std::move(trial.module);
  return std::move(trial.report);
}

}  // namespace fastc
