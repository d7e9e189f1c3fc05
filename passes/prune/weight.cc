// prune.weight: sets the smallest weights to zero and says so in the encoding, so that training keeps the zeros.
//
//   before   @w : f32[2,2] = [[0.1, -3], [2, 0.5]]    after (ratio 0.5)   @w : f32[2,2] unstructured = [[0, -3], [2, 0]]
//
// Legal always for float weights of conv, conv_transpose, linear; biases, norms and embeddings are left alone.
// Magnitude pruning, Han et al. 2015 ("Learning both Weights and Connections"), Zhu and Gupta 2017. `global` compares the weights
// of all chosen layers; `layer` takes the same share of each. Exactly floor(ratio · count) weights go: among equals the first ones.
// A weight that several nodes share is counted once. The file gets smaller only where the artifact stores the pattern, and the network
// faster only where a sparse kernel runs; the report says which.
#include <algorithm>
#include <cmath>
#include <set>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {
  double ratio = 0.5;
  std::string scope = "global";
  std::vector<std::string> include{"*"}, exclude;
};

const OptionSet<Options>& options() {
  static const auto set = OptionSet<Options>("Sets the smallest weights to zero and keeps them so in later training")
                              .number("ratio", &Options::ratio, "share of the weights that becomes zero", range(0, 1))
                              .choice("scope", &Options::scope, {"global", "layer"}, "global: the smallest of all chosen layers; layer: the same share of each")
                              .texts("include", &Options::include, "which nodes' weights (globs on names, or op:linear)")
                              .texts("exclude", &Options::exclude, "which are left alone");
  return set;
}

bool has_matrix(const Module& module, const Node& node) {
  if (node.op->name != "conv" && node.op->name != "conv_transpose" && node.op->name != "linear") return false;
  return module.is_weight(node.input(1)) && module.weight(node.inputs[1]).data.dtype() == DType::kF32;
}

Result<std::vector<ValueId>> chosen_weights(const Module& module, const Options& options) {
  std::vector<NodeId> candidates;
  for (const NodeId id : module.order()) {
    if (has_matrix(module, module.node(id))) candidates.push_back(id);
  }
  FASTC_TRY(const auto nodes, select_nodes(module, candidates, options.include, options.exclude, "a conv or linear node with f32 weights"));
  std::vector<ValueId> weights;
  for (const NodeId id : nodes) {
    const ValueId weight = module.node(id).inputs[1];
    if (std::find(weights.begin(), weights.end(), weight) == weights.end()) weights.push_back(weight);
  }
  return weights;
}

// The floor(ratio · count) smallest of all these numbers become zero.
void zero_smallest(const std::vector<std::span<float>>& parts, double ratio) {
  std::vector<float> sizes;
  for (const auto& part : parts) {
    for (const float w : part) sizes.push_back(std::abs(w));
  }
  const size_t count = static_cast<size_t>(std::floor(ratio * static_cast<double>(sizes.size())));
  if (count == 0) return;
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<int64_t>(count - 1), sizes.end());
  const float limit = sizes[count - 1];
  size_t equal = count;  // how many of exactly this size go
  for (const auto& part : parts) equal -= std::count_if(part.begin(), part.end(), [&](float w) { return std::abs(w) < limit; });
  for (const auto& part : parts) {
    for (float& w : part) {
      if (std::abs(w) < limit) {
        w = 0;
      } else if (std::abs(w) == limit && equal > 0) {
        w = 0;
        --equal;
      }
    }
  }
}

Status check_finite(const Module& module, ValueId weight) {
  const Tensor data = module.weight(weight).data.to_contiguous();
  const auto values = data.values<float>();
  if (std::all_of(values.begin(), values.end(), [](float w) { return std::isfinite(w); })) return {};
  return stage_error("{}: expected finite weights to rank by size, found NaN or infinity", module.value(weight).name);
}

Result<PassReport> run(Module& module, const Options& options, PassContext&) {
  PassReport report;
  FASTC_TRY(const std::vector<ValueId> weights, chosen_weights(module, options));
  for (const ValueId weight : weights) FASTC_CHECK(check_finite(module, weight));
  const bool nothing = weights.empty() || options.ratio == 0;
  if (nothing) {
    report.notes.push_back(weights.empty() ? "no weight was pruned: the network has no conv or linear weights in f32" : "no weight was pruned: ratio is 0");
    return report;
  }
  std::vector<std::span<float>> parts;
  for (const ValueId weight : weights) parts.push_back(module.weight(weight).data.mutable_values<float>());
  if (options.scope == "global") {
    zero_smallest(parts, options.ratio);
  } else {
    for (const auto& part : parts) zero_smallest({part}, options.ratio);
  }
  int64_t zeros = 0, total = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    zeros += std::count(parts[i].begin(), parts[i].end(), 0.0F);
    total += static_cast<int64_t>(parts[i].size());
    Encoding& encoding = module.weight(weights[i]).encoding;
    if (encoding.sparsity == Encoding::Sparsity::kNone) encoding.sparsity = Encoding::Sparsity::kUnstructured;
  }
  report.changed = true;
  report.numbers = {{"weights_zero", double(zeros)}, {"weights_total", double(total)}};
  report.notes.push_back(fmt::format("{} of {} weights in {} tensors are zero ({:.1f} %)", zeros, total, weights.size(), 100.0 * double(zeros) / double(std::max<int64_t>(total, 1))));
  return report;
}

FASTC_REGISTER_PASS(prune_weight, Options,
                    ({.name = "prune.weight", .summary = "sets the smallest weights to zero",
                      .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat}),
                    options, run);

}  // namespace
}  // namespace fastc
