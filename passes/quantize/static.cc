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
// observers). Weights: one symmetric scale per output channel. Activations: one range per value, asymmetric u8; after
// relu the zero point is 0. Residual additions, concatenation, pooling, clip, slice, pad and reshape between integer
// nodes stay integer too; everything else runs in f32 between a dequantize and a quantize. A last layer whose result
// nobody reads as u8 gives f32 directly.
//
// Legal when the program is float, normalization folded (graph.fold, graph.fuse) and weights constant; what a node
// needs and has not is said in the report, and the node stays float. Effect: weights 4x smaller, int8 kernels.
#include <set>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"
#include "passes/quantize/calibrate.h"
#include "passes/quantize/rebuild.h"

namespace fastc {
namespace {

struct Options {
  int64_t bits = 8;
  std::string observer = "percentile";
  double percentile = 99.99;
  std::string weights = "max";
  std::vector<std::string> include{"*"};
  std::vector<std::string> exclude;
};

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>(
          "Quantizes conv and linear layers, and what lies between them, to int8 with ranges from calibration data")
          .integer("bits", &Options::bits, "bits of weights and activations; 8 is what the integer kernels take",
                   range(8, 8))
          .choice("observer", &Options::observer, {"min_max", "percentile", "mse"},
                  "range of an activation: everything seen; all but a few outliers; or the one with the smallest "
                  "squared error")
          .number("percentile", &Options::percentile,
                  "observer percentile: the share of the values, in percent, that the range must hold", range(50, 100))
          .choice("weights", &Options::weights, {"max", "mse"},
                  "scale of a weight's channel: from its largest magnitude, or with the smallest squared error")
          .texts("include", &Options::include, "which conv and linear nodes: globs on names, or op:conv")
          .texts("exclude", &Options::exclude, "which of them stay float");
  return set;
}

// Sentences on what stayed float, a few names each.
std::vector<std::string> refusals(const Module& module, const quantize::Plan& plan) {
  std::vector<std::string> out;
  for (const auto& [id, why] : plan.refused)
    out.push_back(fmt::format("{} stays float: {}.", module.node(id).name, why));
  return out;
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  const auto candidates = quantize::weighted_nodes(module);
  FASTC_TRY(const auto selected,
            select_nodes(module, candidates, options.include, options.exclude, "a conv or linear node"));
  const quantize::Plan plan = quantize::make_plan(module, {selected.begin(), selected.end()});
  PassReport report;
  report.notes = refusals(module, plan);
  if (plan.integer.empty()) return report;
  const Dataset* data = context.calibration();
  if (data == nullptr)
    return stage_error(
        "expected calibration data for the ranges of activations, found none; give the task a \"calibration\" data "
        "set");
  FASTC_TRY(const auto ranges, quantize::calibrate(module, plan.ranges, *data, {options.observer, options.percentile},
                                                   context.progress()));
  FASTC_TRY(module, quantize::rebuild(module, plan, ranges, {options.weights}));
  report.changed = true;
  report.numbers = {
      {"integer_nodes", static_cast<double>(plan.integer.size())},
      {"layers_quantized", static_cast<double>(selected.size() - plan.refused.size())},
      {"layers_left_float", static_cast<double>(candidates.size() - selected.size() + plan.refused.size())},
      {"calibration_samples", static_cast<double>(data->size())}};
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
