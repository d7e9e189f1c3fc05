// quantize.weight_only: weights in 8 or 4 bits; activations and arithmetic stay f32.
//
//   before   @w : f32[2,4] = …                        after   @w : s8[2,4] int4(axis 0, group 2, scales …) = …
//            %y = linear(%x, @w, @b)                          %y = linear(%x, @w, @b)
//
// Formula, for each output channel or each group of `group_size` of its inputs: w ≈ s·q, q = clamp(rne(w/s), −Q, Q), Q = 127 or 7, symmetric, so 0
// stays 0. "max": s = max|w|/Q. "mse": the s that makes Σ(w − s·q)² least among max|w|/Q · (1, 0.99, … 0.5) (Choukroun et al. 2019).
// Small groups are what makes 4 bits usable: one large weight spoils its own group only (Dettmers and Zettlemoyer 2023; GPTQ, AWQ use them).
//
// With a "budget" each layer keeps as many bits as all together may take (budget.h): f32, 8 or 4, by what rounding that layer alone does to the
// network's outputs on calibration data. Layers that would lose more for each byte saved than the others are left alone, and named.
//
// Legal for f32 weights of conv, linear and embedding that nothing else reads; depthwise convolutions and recurrent cells keep f32.
// Effect: 8 bits 4x, 4 bits in groups of 64 7.1x smaller weights (a scale is an f32). Layers that wait for memory (linear, few rows) become
// faster; convolutions with a window are decoded when the model opens and run at fp32's speed.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/interrupt.h"
#include "passes/pass.h"
#include "passes/quantize/budget.h"
#include "passes/quantize/encode.h"
#include "passes/quantize/stored.h"

namespace fastc {
namespace {

using quantize::Form;

struct Budget {
  std::optional<double> ratio;
  std::optional<int64_t> weight_bytes;
  int64_t samples = 64;
};

struct Options {
  std::optional<int64_t> bits;
  std::optional<int64_t> group_size;
  std::string scale = "max";
  std::vector<std::string> include{"*"}, exclude, int8;
  std::optional<Budget> budget;
};

Form form(const Options& options, int64_t bits) { return {bits, options.group_size.value_or(bits == 4 ? 64 : 0), options.scale == "mse"}; }

const OptionSet<Budget>& budget_options() {
  static const auto set = OptionSet<Budget>("How many bytes all weights may take")
                              .number("ratio", &Budget::ratio, "the share of their bytes that remains", above(0).to(1))
                              .integer("weight_bytes", &Budget::weight_bytes, "or the bytes themselves, scales included", at_least(1))
                              .integer("samples", &Budget::samples, "calibration samples on which the outputs' change is measured", at_least(1))
                              .check([](const Budget& b) -> std::string {
                                return b.ratio.has_value() == b.weight_bytes.has_value() ? "expected one of \"ratio\" and \"weight_bytes\"" : "";
                              });
  return set;
}

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Keeps weights in 8 or 4 bits; activations and arithmetic stay f32")
          .integer("bits", &Options::bits, "8 or 4; 8 where it is not given. Under a budget: the fewest a layer may get, 4 where it is not given", range(4, 8))
          .integer("group_size", &Options::group_size, "inputs of an output channel that share a scale; 0: all of them. 64 under 4 bits, 0 under 8 where it is not given", range(0, 1 << 20))
          .choice("scale", &Options::scale, {"max", "mse"}, "from a group's largest weight, or with the smallest squared error")
          .texts("include", &Options::include, "which conv, linear and embedding nodes: globs on names, or op:linear")
          .texts("exclude", &Options::exclude, "which of them stay f32")
          .texts("int8", &Options::int8, "which of them keep 8 bits where bits is 4")
          .object("budget", &Options::budget, budget_options(), "the bits of each layer are chosen so that all weights fit into so many bytes")
          .check([](const Options& o) -> std::string {
            if (o.bits.value_or(8) != 8 && o.bits != 4) return fmt::format("bits: expected 8 or 4, found {}", *o.bits);
            if (o.budget && !o.int8.empty()) return "int8: expected none beside a budget, which chooses itself";
            return o.group_size.value_or(0) % 2 != 0 ? fmt::format("group_size: expected an even number, found {}", *o.group_size) : "";
          });
  return set;
}

// What each weight becomes; one without a form stays f32.
using Forms = std::vector<std::optional<Form>>;

// As the options say, layer by layer.
Result<Forms> given_forms(const Module& module, const quantize::StoredWeights& chosen, const Options& options) {
  Forms forms(chosen.weights.size(), form(options, options.bits.value_or(8)));
  if (options.int8.empty()) return forms;
  FASTC_TRY(const auto wide, quantize::weights_to_store(module, options.int8, {}));
  for (size_t i = 0; i < forms.size(); ++i)
    if (std::find(wide.weights.begin(), wide.weights.end(), chosen.weights[i]) != wide.weights.end()) forms[i] = form(options, 8);
  return forms;
}

double bytes_of(const Weight& weight) { return static_cast<double>(stored_bytes(weight)); }

double bytes_of_all(const Module& module) {
  double bytes = 0;
  for (const auto& [name, weight] : module.weights) bytes += bytes_of(weight);
  return bytes;
}

Result<std::vector<Tensor>> measured_inputs(const Budget& budget, PassContext& context) {
  const Dataset* data = context.calibration();
  if (data == nullptr || data->size() == 0)
    return stage_error("a budget measures the layers' sensitivity on calibration data, found none; give the task a \"calibration\" data set");
  std::vector<int64_t> indices(static_cast<size_t>(std::min(budget.samples, data->size())));
  std::iota(indices.begin(), indices.end(), 0);
  FASTC_TRY(Batch batch, data->batch(indices));
  return std::move(batch.inputs);
}

// One sentence for each weight that keeps more bits than the fewest: what fewer would do.
void explain(const Module& module, std::span<const ValueId> weights, std::span<const std::vector<quantize::Precision>> layers, std::span<const size_t> taken,
             std::vector<std::string>& notes) {
  constexpr const char* kNames[] = {"f32", "8 bits", "4 bits"};
  for (size_t i = 0; i < weights.size(); ++i) {
    const size_t now = taken[i];
    if (now + 1 == layers[i].size()) continue;
    const auto &kept = layers[i][now], &fewer = layers[i][now + 1];
    notes.push_back(fmt::format("{} keeps {}: {} would save {} bytes and change the outputs by {:.3g} % instead of {:.3g} %.", module.value(weights[i]).name, kNames[now],
                                kNames[now + 1], kept.bytes - fewer.bytes, 100 * std::sqrt(fewer.error), 100 * std::sqrt(kept.error)));
  }
}

// For each weight: as it is, in 8 bits, in 4.
Result<std::vector<std::vector<quantize::Precision>>> measured(const Module& module, std::span<const ValueId> weights, const Options& options, PassContext& context) {
  FASTC_TRY(auto inputs, measured_inputs(*options.budget, context));
  FASTC_TRY(const auto change, quantize::OutputChange::prepare(module, std::move(inputs)));
  std::vector<std::vector<quantize::Precision>> layers;
  ProgressStage progress(context.progress(), "measuring sensitivity", static_cast<int64_t>(weights.size()));
  for (const ValueId id : weights) {
    if (interrupted()) return interrupted_error("measuring the sensitivity of layers");
    const Weight& dense = module.weight(id);
    layers.push_back({{bytes_of(dense), 0}});
    for (int64_t bits = 8; bits >= options.bits.value_or(4); bits -= 4) {
      const Weight weight = quantize::encode(dense, form(options, bits)).weight;
      FASTC_TRY(const double error, change.with(id, weight));
      layers.back().push_back({bytes_of(weight), error});
    }
    progress.step(1, module.value(id).name);
  }
  return layers;
}

// As the budget allows. Errors are squared changes of the outputs; sentences and numbers speak of their roots.
Result<Forms> forms_within(const Module& module, std::span<const ValueId> weights, const Options& options, PassContext& context, PassReport& report) {
  FASTC_TRY(const auto layers, measured(module, weights, options, context));
  const double all = bytes_of_all(module), limit = options.budget->ratio ? *options.budget->ratio * all : static_cast<double>(*options.budget->weight_bytes);
  double bytes = all, error = 0;  // less what can be chosen
  for (const auto& layer : layers) bytes -= layer.front().bytes;
  const auto taken = quantize::choose_precisions(layers, limit - bytes);
  Forms forms(taken.size());
  std::array<double, 3> count{};
  for (size_t i = 0; i < taken.size(); ++i) {
    if (taken[i] > 0) forms[i] = form(options, taken[i] == 1 ? 8 : 4);
    ++count[taken[i]], bytes += layers[i][taken[i]].bytes, error += layers[i][taken[i]].error;
  }
  explain(module, weights, layers, taken, report.notes);
  if (bytes > limit) report.notes.push_back(fmt::format("The budget of {:.0f} bytes is missed by {:.0f}: every layer has the fewest bits it may get.", limit, bytes - limit));
  report.numbers = {{"layers_in_f32", count[0]}, {"layers_in_8_bits", count[1]}, {"layers_in_4_bits", count[2]}, {"weight_bytes", bytes}, {"predicted_output_change", std::sqrt(error)}};
  return forms;
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  FASTC_TRY(const quantize::StoredWeights chosen, quantize::weights_to_store(module, options.include, options.exclude));
  PassReport report;
  report.notes = chosen.notes;
  FASTC_TRY(const Forms forms, options.budget ? forms_within(module, chosen.weights, options, context, report) : given_forms(module, chosen, options));
  double encoded_weights = 0, before = 0, after = 0, error = 0, size = 0;
  for (size_t i = 0; i < forms.size(); ++i) {
    if (!forms[i]) continue;
    const ValueId id = chosen.weights[i];
    quantize::Encoded encoded = quantize::encode(module.weight(id), *forms[i]);
    before += bytes_of(module.weight(id)), after += bytes_of(encoded.weight);
    error += encoded.error, size += encoded.size;
    quantize::replace_weight(module, id, std::move(encoded.weight));
    ++encoded_weights;
  }
  FASTC_CHECK(module.infer_types());
  report.changed = encoded_weights > 0;
  if (!report.changed) report.notes.push_back("no weight was encoded");
  for (const auto& number : {std::pair<std::string, double>{"weights_encoded", encoded_weights}, {"bytes_before", before}, {"bytes_after", after},
                             {"relative_weight_error", std::sqrt(error / std::max(size, 1e-30))}})
    report.numbers.push_back(number);
  return report;
}

FASTC_REGISTER_PASS(quantize_weight_only, Options,
                    ({.name = "quantize.weight_only", .summary = "weights in 8 or 4 bits, activations in f32", .leaves = ProgramState::kQuantized, .needs_folded = true}),
                    options, run);

}  // namespace
}  // namespace fastc
