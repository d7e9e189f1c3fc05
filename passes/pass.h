// A pass: ir → ir. One .cc a pass: header comment (before/after, when it is legal, formula, paper), an Options struct declared
// once (base/options.h), `run`, and one registration line:
//
//   FASTC_REGISTER_PASS(prune_channel, Options, {.name = "prune.channel", .summary = "…", .needs = kFloat, .leaves = kFloat}, options, run);
//
// with  Result<PassReport> run(Module& module, const Options& options, PassContext& context);
// A pass has no I/O and no globals; randomness, data and services come from the context. It never sees backends/ or driver/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/api.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/result.h"
#include "ir/module.h"
#include "tasks/task.h"

namespace fastc {

// One point of a training curve, or of any series the report draws.
struct CurvePoint {
  std::string series;  // "loss", "accuracy"
  double x = 0, y = 0;
};

struct PassReport {
  bool changed = false;
  std::vector<std::string> notes;                       // sentences for a person, shown in summary and report
  std::vector<std::pair<std::string, double>> numbers;  // "channels_removed": 336 …
  std::vector<CurvePoint> curves;
  // node name, channels before, channels after: drawn in the report
  struct Channels { std::string node; int64_t before, after; };
  std::vector<Channels> channels;
};

// What a pass asks of the program, and what it leaves; the pipeline refuses a bad order by naming both stages.
enum class ProgramState : uint8_t { kAny, kFloat, kQuantized };

struct PassTraits {
  std::string name;     // "prune.channel"
  std::string summary;  // one line
  ProgramState needs = ProgramState::kAny;
  ProgramState leaves = ProgramState::kAny;  // kAny: unchanged
  bool needs_calibration = false;            // uses PassContext::calibration()
  bool needs_training_data = false;          // uses PassContext::training_data()
  bool needs_batch_norm = false;             // wants batch norm still present (training)
  bool needs_folded = false;                 // the driver runs graph.fold and graph.fuse before it
  bool trains_quantized = false;             // takes a quantized program too, whatever `needs` says, and leaves it quantized
  bool lossy = true;                         // may change the outputs
  std::vector<std::string> models{};         // options that name models ("/teacher", "/student/path"), a text or a list: looked for before anything runs
};

// Everything a pass may use. The driver makes one for each stage; tests make a plain one.
class FASTC_API PassContext {
 public:
  virtual ~PassContext() = default;
  virtual uint64_t seed() const = 0;      // hash(recipe seed, stage name)
  virtual int threads() const = 0;        // of the engine
  virtual Progress& progress() = 0;
  // Data with inputs in Module::inputs order. Where the recipe names none, `training_data` falls back to nothing (null) and `calibration` to
  // random inputs (the report says so).
  virtual const Dataset* calibration() = 0;
  virtual const Dataset* training_data() = 0;
  virtual const Task* task() = 0;         // null under run-pass without a recipe
  // "original", "stage:NAME", or a model file (relative to the recipe).
  virtual Result<Module> model(std::string_view which) = 0;
  // The latency of `module` over that of `before`. Lowers and writes both, runs them in fastc-runner in alternating rounds, so that a busy machine slows both;
  // the median of the rounds' ratios. An error where no measuring is possible.
  virtual Result<double> relative_latency(const Module& module, const Module& before) = 0;
  // A choice that rests on measured time: what an earlier run chose where this one repeats it (--replay), else what `choose` says. Written to
  // decisions.json, so that a run can be repeated to the byte on a noisy machine. `question` is unique within the stage.
  virtual Result<std::string> decide(std::string_view question, const std::function<Result<std::string>()>& choose) {
    static_cast<void>(question);
    return choose();
  }
  // Folder of this stage's journal for checkpoints (empty: none is kept).
  virtual std::string journal_folder() = 0;
  // Folder of what stages of later runs may take up whatever their options are, called by its content (empty: none is kept).
  virtual std::string cache_folder() { return {}; }
  // A point of a curve while it comes about, for those who watch.
  virtual void plot(const CurvePoint& point) { static_cast<void>(point); }
  // A second network that the stage makes, shipped beside the result as it is now; `name` says what it is ("peer").
  virtual Status ship(std::string_view name, const Module& module) {
    static_cast<void>(module);
    return usage_error("a second network (\"{}\") is shipped by fastc compress only", name);
  }
};

// A registered pass with its options' type erased.
class FASTC_API Pass {
 public:
  virtual ~Pass() = default;
  virtual const PassTraits& traits() const = 0;
  virtual const OptionTable& options() const = 0;
  // Parses and checks; errors carry the JSON pointer. `json` without the recipe's own keys ("pass", "name", "keep", "max_drop" …).
  virtual Status check(const nlohmann::json& json, std::string_view pointer) const = 0;
  // The options with every default filled in, as JSON text: for provenance and cache keys.
  virtual Result<std::string> resolved(const nlohmann::json& json, std::string_view pointer) const = 0;
  virtual Result<PassReport> run(Module& module, const nlohmann::json& json, PassContext& context) const = 0;
};

FASTC_API void register_pass(std::unique_ptr<Pass> pass);
FASTC_API const Pass* find_pass(std::string_view name);   // null when unknown
FASTC_API std::vector<const Pass*> all_passes();          // sorted by name

FASTC_API std::string resolved_text(const OptionTable& table, const void* options);

// Implementation of registration for an Options struct; see FASTC_REGISTER_PASS.
template <typename Options>
class TypedPass final : public Pass {
 public:
  using Run = Result<PassReport> (*)(Module&, const Options&, PassContext&);
  TypedPass(PassTraits traits, const OptionSet<Options>& options, Run run) : traits_(std::move(traits)), options_(options), run_(run) {}
  const PassTraits& traits() const override { return traits_; }
  const OptionTable& options() const override { return options_.table(); }
  Status check(const nlohmann::json& json, std::string_view pointer) const override {
    FASTC_CHECK(options_.parse(json, pointer));
    return {};
  }
  Result<std::string> resolved(const nlohmann::json& json, std::string_view pointer) const override {
    FASTC_TRY(const Options options, options_.parse(json, pointer));
    return resolved_text(options_.table(), &options);
  }
  Result<PassReport> run(Module& module, const nlohmann::json& json, PassContext& context) const override {
    FASTC_TRY(const Options options, options_.parse(json, ""));
    return run_(module, options, context);
  }

 private:
  PassTraits traits_;
  const OptionSet<Options>& options_;
  Run run_;
};

// Registrations of this library (libfastc.so, or one plugin) wait in a list of its own until somebody runs them: a plugin's only
// after its ABI was compared, so that no C++ object crosses the border before. Hidden, so that each library has its own list.
struct PassRegistration {
  void (*run)();
  PassRegistration* next;
};
__attribute__((visibility("hidden"))) inline PassRegistration*& pass_registrations() {
  static PassRegistration* first = nullptr;
  return first;
}
__attribute__((visibility("hidden"))) inline void run_pass_registrations() {
  for (PassRegistration* r = std::exchange(pass_registrations(), nullptr); r; r = r->next) r->run();
}

#define FASTC_REGISTER_PASS(id, Options, traits_expr, options_function, run_function)                                                       \
  static const ::fastc::PassRegistration* const fastc_registered_##id = [] {                                                                \
    static ::fastc::PassRegistration entry{                                                                                                 \
        [] { ::fastc::register_pass(std::make_unique<::fastc::TypedPass<Options>>(::fastc::PassTraits traits_expr, options_function(), run_function)); }, \
        ::fastc::pass_registrations()};                                                                                                     \
    return ::fastc::pass_registrations() = &entry;                                                                                          \
  }()

}  // namespace fastc
