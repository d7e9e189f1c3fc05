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
#include <cmath>

#include "passes/pass.h"
#include "passes/quantize/budget.h"
#include "passes/quantize/encode.h"
#include "passes/quantize/stored.h"

namespace fastc {
namespace {

using quantize::Form;

struct Options {
  std::optional<int64_t> bits;
  std::optional<int64_t> group_size;
  std::string scale = "max";
  std::vector<std::string> include{"*"}, exclude, int8;
  std::optional<quantize::BudgetOptions> budget;
};

Form form(const Options& options, int64_t bits) { return {bits, options.group_size.value_or(bits == 4 ? 64 : 0), options.scale == "mse"}; }

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Keeps weights in 8 or 4 bits; activations and arithmetic stay f32")
          .integer("bits", &Options::bits, "8 or 4; 8 where it is not given. Under a budget: the fewest a layer may get, 4 where it is not given", range(4, 8))
          .integer("group_size", &Options::group_size, "inputs of an output channel that share a scale; 0: all of them. 64 under 4 bits, 0 under 8 where it is not given", range(0, 1 << 20))
          .choice("scale", &Options::scale, {"max", "mse"}, "from a group's largest weight, or with the smallest squared error")
          .texts("include", &Options::include, "which conv, linear and embedding nodes: globs on names, or op:linear")
          .texts("exclude", &Options::exclude, "which of them stay f32")
          .texts("int8", &Options::int8, "which of them keep 8 bits where bits is 4")
          .object("budget", &Options::budget, quantize::budget_options(), "the bits of each layer are chosen so that all weights fit into so many bytes")
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

// As the budget allows.
Result<Forms> forms_within(const Module& module, std::span<const ValueId> weights, const Options& options, PassContext& context, PassReport& report) {
  const auto encode = [&](int64_t bits) { return [&, bits](ValueId id) { return quantize::encode(module.weight(id), form(options, bits)).weight; }; };
  std::vector<quantize::Way> ways{{"f32", {}}, {"8 bits", encode(8)}};
  if (options.bits.value_or(4) == 4) ways.push_back({"4 bits", encode(4)});
  FASTC_TRY(const auto taken, quantize::ways_within(module, weights, ways, *options.budget, context, report));
  Forms forms(taken.size());
  for (size_t i = 0; i < taken.size(); ++i)
    if (taken[i] > 0) forms[i] = form(options, taken[i] == 1 ? 8 : 4);
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
