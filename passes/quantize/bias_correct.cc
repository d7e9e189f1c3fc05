// quantize.bias_correct: gives each quantized layer's result the mean that it has in the float network.
//
//   before   @conv1.bias : i32[16] = …                after   the same program with other numbers in the integer biases
//
// Rounding weights shifts a layer's result by (Ŵ − W)·E[x], and shifts add up from layer to layer (Nagel et al. 2019,
// "Data-free quantization through weight equalization and bias correction", eq. 16 to 17). Here the shift is measured:
//   b ← b + E[W·x] − E[Ŵ·x̃]
// over calibration data and positions, layer by layer, with x̃ as it arrives once all layers before are corrected.
//
// Legal when the program is quantized and `reference` is the float network it was made from. A layer without a bias is given
// one. Effect: accuracy, most at few bits; size and speed stay. AdaRound does the same as it goes.
#include <nlohmann/json.hpp>

#include "passes/pass.h"
#include "passes/quantize/layers.h"

namespace fastc {
namespace {

struct Options {
  std::string reference = "original";
  int64_t samples = 512;
};

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Corrects the biases of quantized layers by the shift of their results' means")
          .text("reference", &Options::reference,
                "the float network that was quantized: \"original\", \"stage:NAME\" or a model file")
          .integer("samples", &Options::samples, "calibration samples, all in memory at once", at_least(1));
  return set;
}

// As quantization saw it: batch norm folded, epilogues fused.
Result<Module> folded_reference(const Options& options, PassContext& context) {
  FASTC_TRY(Module reference, context.model(options.reference));
  for (const char* name : {"graph.fold", "graph.fuse"})
    FASTC_CHECK(find_pass(name)->run(reference, nlohmann::json::object(), context));
  return reference;
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  const Dataset* data = context.calibration();
  if (data == nullptr)
    return stage_error(
        "expected calibration data for the means of layers, found none; give the task a \"calibration\" data set");
  FASTC_TRY(const Module reference, folded_reference(options, context));
  double layers = 0, shift = 0;
  const auto correct = [&](Module& quantized, const quantize::LayerSeen& layer) -> Status {
    FASTC_TRY(const double change, quantize::correct_bias(reference, quantized, layer));
    layers += 1, shift += change;
    return {};
  };
  FASTC_CHECK(quantize::walk_layers(reference, module, *data, {options.samples}, correct, context.progress()));
  PassReport report;
  report.changed = layers > 0;
  report.numbers = {{"layers_corrected", layers}, {"mean_shift", layers > 0 ? shift / layers : 0}};
  return report;
}

FASTC_REGISTER_PASS(quantize_bias_correct, Options,
                    ({.name = "quantize.bias_correct",
                      .summary = "corrects the shift of quantized layers' results through their biases",
                      .needs = ProgramState::kQuantized,
                      .needs_calibration = true,
                      .models = {"/reference"}}),
                    options, run);

}  // namespace
}  // namespace fastc
