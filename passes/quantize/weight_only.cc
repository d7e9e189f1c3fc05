// quantize.weight_only: weights in 8 or 4 bits; activations and arithmetic stay f32.
//
//   before   @w : f32[2,4] = …                        after   @w : s8[2,4] int4(axis 0, group 2, scales …) = …
//            %y = linear(%x, @w, @b)                          %y = linear(%x, @w, @b)
//
// Formula, for each output channel or each group of `group_size` of its inputs: w ≈ s·q, q = clamp(rne(w/s), −Q, Q), Q = 127 or 7, symmetric, so 0
// stays 0. "max": s = max|w|/Q. "mse": the s that makes Σ(w − s·q)² least among max|w|/Q · (1, 0.99, … 0.5) (Choukroun et al. 2019).
// Small groups are what makes 4 bits usable: one large weight spoils its own group only (Dettmers and Zettlemoyer 2023; GPTQ, AWQ use them).
//
// Legal for f32 weights of conv, linear and embedding that nothing else reads; depthwise convolutions and recurrent cells keep f32.
// Effect: 8 bits 4x, 4 bits in groups of 64 7.1x smaller weights (a scale is an f32). Layers that wait for memory (linear, few rows) become
// faster; convolutions with a window are decoded when the model opens and run at fp32's speed.
#include <algorithm>
#include <cmath>

#include "passes/pass.h"
#include "passes/quantize/stored.h"

namespace fastc {
namespace {

struct Options {
  int64_t bits = 8;
  std::optional<int64_t> group_size;
  std::string scale = "max";
  std::vector<std::string> include{"*"}, exclude;

  int64_t group() const { return group_size.value_or(bits == 4 ? 64 : 0); }
  int64_t limit() const { return bits == 4 ? 7 : 127; }
};

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Keeps weights in 8 or 4 bits; activations and arithmetic stay f32")
          .integer("bits", &Options::bits, "8 or 4", range(4, 8))
          .integer("group_size", &Options::group_size, "inputs of an output channel that share a scale; 0: all of them. 64 under 4 bits, 0 under 8 where it is not given", range(0, 1 << 20))
          .choice("scale", &Options::scale, {"max", "mse"}, "from a group's largest weight, or with the smallest squared error")
          .texts("include", &Options::include, "which conv, linear and embedding nodes: globs on names, or op:linear")
          .texts("exclude", &Options::exclude, "which of them stay f32")
          .check([](const Options& o) -> std::string {
            if (o.bits != 8 && o.bits != 4) return fmt::format("bits: expected 8 or 4, found {}", o.bits);
            return o.group() % 2 != 0 ? fmt::format("group_size: expected an even number, found {}", o.group()) : "";
          });
  return set;
}

double rounded(float w, double scale, double limit) { return std::clamp(std::nearbyint(w / scale), -limit, limit); }

double squared_error(std::span<const float> group, double scale, double limit) {
  double sum = 0;
  for (const float w : group) {
    const double e = w - scale * rounded(w, scale, limit);
    sum += e * e;
  }
  return sum;
}

// Above 0 always: a group of zeros takes 1.
float scale_of(std::span<const float> group, const Options& options) {
  double most = 0;
  for (const float w : group) most = std::max(most, std::fabs(static_cast<double>(w)));
  const double limit = static_cast<double>(options.limit()), full = most / limit;
  if (!(static_cast<float>(full) > 1e-30F)) return 1;
  double best = full;
  if (options.scale == "mse") {
    double least = squared_error(group, full, limit);
    for (int step = 1; step <= 50; ++step) {  // clipping more than half of the range never pays
      const double scale = full * (1 - 0.01 * step), e = squared_error(group, scale, limit);
      if (e < least) least = e, best = scale;
    }
  }
  return static_cast<float>(best);
}

struct Encoded {
  Weight weight;
  double error = 0, size = 0;  // Σ(w − s·q)², Σw²
};

Encoded encode(const Weight& dense, const Options& options) {
  const Tensor data = dense.data.to_contiguous();
  const int64_t channels = data.shape()[0], inputs = data.elements() / channels;
  const int64_t group = options.group() == 0 || options.group() >= inputs ? inputs : options.group(), groups = (inputs + group - 1) / group;
  Tensor q = Tensor::zeros(DType::kS8, data.shape());
  Tensor scales = Tensor::zeros(DType::kF32, groups == 1 ? std::vector<int64_t>{channels} : std::vector<int64_t>{channels, groups});
  const auto s = scales.mutable_values<float>();
  const auto to = q.mutable_values<int8_t>();
  Encoded out;
  for (int64_t i = 0; i < channels * groups; ++i) {
    const int64_t first = i / groups * inputs + i % groups * group, count = std::min(group, inputs - i % groups * group);
    const auto values = data.values<float>().subspan(static_cast<size_t>(first), static_cast<size_t>(count));
    s[i] = scale_of(values, options);
    for (int64_t j = 0; j < count; ++j) {
      to[first + j] = static_cast<int8_t>(rounded(values[j], s[i], static_cast<double>(options.limit())));
      out.size += static_cast<double>(values[j]) * values[j];
    }
    out.error += squared_error(values, s[i], static_cast<double>(options.limit()));
  }
  out.weight = {q, dense.encoding, dense.trainable};  // keeps the sparsity pattern: 0 stays 0
  Encoding& e = out.weight.encoding;
  e.kind = Encoding::Kind::kInt, e.bits = static_cast<int>(options.bits), e.axis = 0;
  e.group_size = groups == 1 ? 0 : group;
  e.scales = scales;
  return out;
}

Result<PassReport> run(Module& module, const Options& options, PassContext&) {
  FASTC_TRY(const quantize::StoredWeights chosen, quantize::weights_to_store(module, options.include, options.exclude));
  PassReport report;
  report.notes = chosen.notes;
  double before = 0, after = 0, error = 0, size = 0;
  for (const ValueId id : chosen.weights) {
    Encoded encoded = encode(module.weight(id), options);
    before += static_cast<double>(stored_bytes(module.weight(id))), after += static_cast<double>(stored_bytes(encoded.weight));
    error += encoded.error, size += encoded.size;
    quantize::replace_weight(module, id, std::move(encoded.weight));
  }
  FASTC_CHECK(module.infer_types());
  report.changed = !chosen.weights.empty();
  if (!report.changed) report.notes.push_back("no weight was encoded");
  report.numbers = {{"weights_encoded", static_cast<double>(chosen.weights.size())}, {"bytes_before", before}, {"bytes_after", after},
                    {"relative_weight_error", std::sqrt(error / std::max(size, 1e-30))}};
  return report;
}

FASTC_REGISTER_PASS(quantize_weight_only, Options,
                    ({.name = "quantize.weight_only", .summary = "weights in 8 or 4 bits, activations in f32", .leaves = ProgramState::kQuantized, .needs_folded = true}),
                    options, run);

}  // namespace
}  // namespace fastc
