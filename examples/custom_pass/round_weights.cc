// mine.round_weights: keeps `bits` bits of every weight's mantissa.
//
//   before   @w : f32[2] = [0.1, 0.7]            after (bits 2)   @w : f32[2] = [0.109375, 0.75]
//
// Legal always. The file does not shrink by itself, but it compresses better in an archive. Run it as
//   fastc run-pass mine.round_weights in.ir --plugin libround_weights.so
#include <cmath>

#include "passes/plugin.h"

namespace {

struct Options {
  int bits = 8;
};

const fastc::OptionSet<Options>& options() {
  static const auto set = fastc::OptionSet<Options>("Rounds weights to few bits of mantissa")
                              .integer("bits", &Options::bits, "bits of mantissa that stay", fastc::range(1, 23));
  return set;
}

fastc::Result<fastc::PassReport> run(fastc::Module& module, const Options& options, fastc::PassContext&) {
  fastc::PassReport report;
  for (auto& [name, weight] : module.weights) {
    if (!weight.trainable || weight.data.dtype() != fastc::DType::kF32) continue;
    for (float& value : weight.data.mutable_values<float>()) {
      int exponent = 0;
      const float mantissa = std::frexp(value, &exponent);
      const float rounded = std::ldexp(std::nearbyint(std::ldexp(mantissa, options.bits + 1)), exponent - options.bits - 1);
      report.changed = report.changed || rounded != value;
      value = rounded;
    }
  }
  return report;
}

// Parentheses: a comma inside braces would split the macro's arguments.
FASTC_REGISTER_PASS(round_weights, Options, ({.name = "mine.round_weights", .summary = "rounds weights to few bits of mantissa"}), options, run);

}  // namespace

FASTC_PLUGIN
