// quantize.static: int8 arithmetic, with ranges taken once from calibration data.
//
//   before   %conv = conv(%x, @w, @b) {activation="relu"}            // f32
//            %y = linear(%conv, @v)
//   after    %x.quantize : q(0.0187, 114) = quantize(%x)
//            @w : s8[…] int8(axis 0, scales […])      @b : i32[…]    // b / (sx·sw)
//            %conv : q(0.0235, 0) = conv(%x.quantize, @w, @b) {activation="relu"}
//            %y : f32[…] = linear(%conv, @v)
//
// Formula: acc = Σ (qx − zx)·qw + b,  y = clamp(zy + rne(acc·sx·sw/sy)) (Jacob et al. 2018; Nagel et al. 2021 for the
// observers). Weights: one symmetric scale per output channel, or per tensor. Activations: one range per value, u8; after
// relu the zero point is 0. "activations": "symmetric" puts it at 128 elsewhere, which wastes one side of an uneven range and is
// no faster here. Residual additions, concatenation, pooling, clip, slice, pad and reshape between integer
// nodes stay integer too; everything else runs in f32 between a dequantize and a quantize. A last layer whose result
// nobody reads as u8 gives f32 directly.
//
// Fewer bits ("weight_bits": 3) narrow the integers, [−3, 3], not the arithmetic: activations stay u8 and the kernels are the same. The file takes 3 bits
// a weight (backends/runtime/format.h: kFewBits), memory and kernels a byte. They are what AdaRound ("rounding": "adaround", adaround.cc), groups and training
// after this pass (finetune) are for.
//
// With a "budget" each layer keeps as many bits as all together may take (budget.h), by what rounding that layer's weight alone to the nearest does
// to the network's outputs.
//
// Groups ("group_size": 16, of the inputs of an output channel, counted (input channel, kernel position)), under 6 bits or fewer: w ≈ s[o]·m[o,g]·q with a small
// integer m (two_levels.cc). Every kernel reads m·q, which is an int8 like any other (ir/multiples.h); the file keeps m and q (format.h: kGroups).
//            @w : s8[…] int3(axis 0, group 16, scales [[…]])
//
// 16-bit fixed point ("bits": 16): activations s16 with zero point 0, weights of 8 or, with "weight_bits": 16, of 16 bits, sums in 64 bits, the
// same formula. For networks that lose under u8, and targets without floats; three to five times slower than fp32 here.
//
// Legal when the program is float, normalization folded (graph.fold, graph.fuse) and weights constant; what a node
// needs and has not is said in the report, and the node stays float. Effect: weights 4x smaller, int8 kernels.
#include <map>
#include <set>

#include "ir/op.h"
#include "ir/ops/common.h"
#include "ir/rewrite.h"
#include "passes/pass.h"
#include "passes/quantize/adaround.h"
#include "passes/quantize/budget.h"
#include "passes/quantize/calibrate.h"
#include "passes/quantize/rebuild.h"

namespace fastc {
namespace {

constexpr int64_t kMostBitsInGroups = 6;  // a multiplier of 2 or more times such a number is a byte

struct Options {
  int64_t bits = 8;
  std::optional<int64_t> weight_bits;
  std::string observer = "auto", activations = "asymmetric";
  double percentile = 99.99;
  std::string weights = "max", scales = "channel", rounding = "nearest";
  quantize::AdaRoundOptions adaround;
  int64_t group_size = 0;
  std::vector<std::string> include{"*"}, exclude, int8;
  std::optional<quantize::BudgetOptions> budget;

  quantize::RangeOptions ranges() const {
    return {observer != "auto" ? observer : bits == 16 ? "min_max" : "percentile", percentile, static_cast<int>(bits), activations == "symmetric"};
  }
};

const OptionSet<quantize::AdaRoundOptions>& adaround_options() {
  using quantize::AdaRoundOptions;
  static const auto set =
      OptionSet<AdaRoundOptions>("How rounding is learned")
          .integer("samples", &AdaRoundOptions::samples, "calibration samples, all in memory at once; 1024 in the paper",
                   at_least(1))
          .integer("iterations", &AdaRoundOptions::iterations, "steps a layer", at_least(1))
          .number("lr", &AdaRoundOptions::lr, "learning rate of Adam", above(0))
          .number("regularization", &AdaRoundOptions::regularization,
                  "weight of rounding up or down for good, against the error of the layer's result", above(0));
  return set;
}

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>(
          "Quantizes conv and linear layers, and what lies between them, to int8 with ranges from calibration data")
          .integer("bits", &Options::bits, "bits of activations, 8 or 16; 8 is what the fast integer kernels take", range(8, 16))
          .integer("weight_bits", &Options::weight_bits,
                   "bits of weights, 2 to 8, or 16 under bits 16; fewer than 8 make coarser weights and smaller files, not faster kernels; 8 where it is not given. Under a budget: the "
                   "fewest a layer may get, 2 where it is not given", range(2, 16))
          .choice("activations", &Options::activations, {"asymmetric", "symmetric"},
                  "8 bits: the range as it was seen, or widened to be even on both sides of 0 (zero point 128; 0 where nothing is negative)")
          .choice("observer", &Options::observer, {"auto", "min_max", "moving_average", "percentile", "mse", "entropy"},
                  "range of an activation: percentile for 8 bits and min_max for 16; everything seen; the batches' extremes averaged; all but a few outliers; the "
                  "one with the smallest squared error; or with the distribution that is closest (Kullback-Leibler)")
          .number("percentile", &Options::percentile,
                  "observer percentile: the share of the values, in percent, that the range must hold", range(50, 100))
          .choice("weights", &Options::weights, {"max", "mse"},
                  "scale of weights: from the largest magnitude, or with the smallest squared error, which cuts off the "
                  "largest; mse suits learned rounding, and 2 bits")
          .choice("scales", &Options::scales, {"channel", "tensor"}, "one scale for each output channel, or for a weight")
          .integer("group_size", &Options::group_size, "inputs of an output channel that share a scale, an integer multiple of the channel's, for weights of at most 6 bits; 0: all of them",
                   range(0, 1 << 20))
          .choice("rounding", &Options::rounding, {"nearest", "adaround"},
                  "of weights: to the nearest integer, or up or down as calibration data teaches (no labels needed)")
          .object("adaround", &Options::adaround, adaround_options(), "rounding adaround: how it is learned")
          .texts("include", &Options::include, "which conv and linear nodes: globs on names, or op:conv")
          .texts("exclude", &Options::exclude, "which of them stay float")
          .texts("int8", &Options::int8, "which of them keep 8 bits where weight_bits is less: the first and the last layer, say")
          .object("budget", &Options::budget, quantize::budget_options(), "the bits of each layer's weight, 8, 6, 4, 3 or 2, are chosen so that all weights fit into so many bytes")
          .check([](const Options& o) -> std::string {
            if (o.group_size > 0 && !o.budget && o.weight_bits.value_or(8) > kMostBitsInGroups)
              return fmt::format(
                  "group_size: expected weight_bits of at most 6, found {}: the integer of a group times such a number would not fit into a byte; leave group_size out (each "
                  "output channel has its own scale), or take fewer bits",
                  o.weight_bits.value_or(8));
            if (o.group_size > 0 && o.scales == "tensor") return "scales: expected \"channel\" beside group_size, whose integers refine a channel's scale";
            if (o.bits != 8 && o.bits != 16) return fmt::format("bits: expected 8 or 16, found {}", o.bits);
            if (o.weight_bits > 8 && (o.weight_bits != 16 || o.bits != 16))
              return fmt::format("weight_bits: expected 2 to 8{}, found {}", o.bits == 16 ? ", or 16" : "", *o.weight_bits);
            if (o.budget && o.weight_bits > 8) return "weight_bits: expected at most 8 under a budget, found 16";
            if (o.budget && !o.int8.empty()) return "int8: expected none beside a budget, which chooses itself";
            return o.weight_bits == 16 && o.rounding == "adaround" ? "rounding: expected nearest for weights of 16 bits, found adaround" : "";
          });
  return set;
}

// Sentences on what stayed float, a few names each.
std::vector<std::string> refusals(const Module& module, const quantize::Plan& plan) {
  std::vector<std::string> out;
  for (const auto& [id, why] : plan.refused)
    out.push_back(fmt::format("{} stays float: {}.", module.node(id).name, why));
  return out;
}

using ByNode = std::map<NodeId, quantize::WeightOptions>;

// A depthwise layer has few inputs a channel: all of them are one group.
quantize::WeightOptions form_of(const Module& module, NodeId id, const Options& options, int64_t bits) {
  const bool grouped = bits <= kMostBitsInGroups && !(is_op(module.node(id), "conv") && ops::is_depthwise(module, module.node(id)));
  return {options.weights, static_cast<int>(bits), options.scales == "tensor", grouped ? options.group_size : 0};
}

// By node: what its weights are rounded to.
Result<ByNode> given_weights(const Module& module, std::span<const NodeId> selected, const Options& options) {
  ByNode out;
  for (const NodeId id : selected) out[id] = form_of(module, id, options, options.weight_bits.value_or(8));
  if (options.int8.empty()) return out;
  FASTC_TRY(const auto wide, select_nodes(module, selected, options.int8, {}, "a layer that is quantized"));
  for (const NodeId id : wide) out[id].bits = 8, out[id].group = 0;
  return out;
}

// As the budget allows: a weight that two layers share has one choice.
Result<ByNode> weights_within(const Module& module, const quantize::Plan& plan, const Options& options, PassContext& context, PassReport& report) {
  std::map<ValueId, std::vector<NodeId>> readers;
  for (const NodeId id : quantize::weighted_nodes(module))
    if (plan.integer.contains(id)) readers[module.node(id).inputs[1]].push_back(id);
  std::vector<ValueId> weights;
  for (const auto& [weight, nodes] : readers) weights.push_back(weight);
  std::vector<int64_t> bits;
  std::vector<quantize::Way> ways;
  for (const int64_t b : {8, 6, 4, 3, 2}) {
    if (b < options.weight_bits.value_or(2)) break;
    bits.push_back(b);
    ways.push_back({fmt::format("{} bits", b), [&, b](ValueId id) { return quantize::quantize_weight(module.weight(id), form_of(module, readers[id].front(), options, b)); }, true});
  }
  FASTC_TRY(const auto taken, quantize::ways_within(module, weights, ways, *options.budget, context, report));
  ByNode out;
  for (size_t i = 0; i < weights.size(); ++i)
    for (const NodeId id : readers[weights[i]]) out[id] = form_of(module, id, options, bits[taken[i]]);
  return out;
}

std::string rounding_note(const quantize::AdaRoundSummary& learned) {
  return fmt::format(
      "AdaRound turned {} of {} weights; the layers' results were off by {:.2f} % of their energy with rounding to the "
      "nearest, and are by {:.2f} % now.",
      learned.turned, learned.weights, 100 * learned.nearest_error, 100 * learned.error);
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  const auto candidates = quantize::weighted_nodes(module);
  FASTC_TRY(const auto selected,
            select_nodes(module, candidates, options.include, options.exclude, "a conv or linear node"));
  const quantize::Plan plan = quantize::make_plan(module, {selected.begin(), selected.end()}, static_cast<int>(options.bits));
  PassReport report;
  report.notes = refusals(module, plan);
  if (plan.integer.empty()) return report;
  const Dataset* data = context.calibration();
  if (data == nullptr)
    return stage_error(
        "expected calibration data for the ranges of activations, found none; give the task a \"calibration\" data "
        "set");
  FASTC_TRY(const auto ranges, quantize::calibrate(module, plan.ranges, *data, options.ranges(), context.progress()));
  FASTC_TRY(const ByNode weights, options.budget ? weights_within(module, plan, options, context, report) : given_weights(module, selected, options));
  FASTC_TRY(Module quantized, quantize::rebuild(module, plan, ranges, weights));
  if (options.rounding == "adaround") {
    FASTC_TRY(const auto learned, quantize::adaround(module, quantized, *data, options.adaround, context.progress()));
    report.notes.push_back(rounding_note(learned));
    for (const std::string& name : learned.too_large)
      report.notes.push_back(fmt::format("{} is rounded to the nearest: it has too many inputs to learn from.", name));
  }
  module = std::move(quantized);
  report.changed = true;
  for (const auto& [name, count] : {std::pair<std::string, size_t>{"integer_nodes", plan.integer.size()},
                                    {"layers_quantized", selected.size() - plan.refused.size()},
                                    {"layers_left_float", candidates.size() - selected.size() + plan.refused.size()},
                                    {"calibration_samples", data->size()}})
    report.numbers.emplace_back(name, static_cast<double>(count));
  return report;
}

FASTC_REGISTER_PASS(quantize_static, Options,
                    ({.name = "quantize.static",
                      .summary = "int8 weights and activations, ranges from calibration data",
                      .needs = ProgramState::kFloat,
                      .leaves = ProgramState::kQuantized,
                      .needs_calibration = true,
                      .needs_folded = true}),
                    options, run);

}  // namespace
}  // namespace fastc
