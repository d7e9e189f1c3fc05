// prune.weight: sets weights to zero and says so in the encoding, so that training keeps the zeros.
//
//   before   @w : f32[2,2] = [[0.1, -3], [2, 0.5]]    after (ratio 0.5)   @w : f32[2,2] sparse(unstructured) = [[0, -3], [2, 0]]
//
// Legal for float weights of conv, conv_transpose, linear; biases, norms and embeddings are left alone. Without `train` at once and by magnitude, Han et
// al. 2015 ("Learning both Weights and Connections"); with it gradually (passes/prune/gradual.h has the formulas). `pattern` says what goes
// together: single numbers, N of M inputs, or blocks (pattern.h). `scope`: the smallest of all chosen layers, the same share of each, or each
// layer's own by measured sensitivity (sensitivity.h). A weight that several nodes share is counted once.
// The file leaves the zeros out; the network becomes faster only where a kernel knows the pattern: blocks of 16x1, and 2:4 over few rows (docs/methods.md).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/distill/pair.h"
#include "passes/pass.h"
#include "passes/prune/gradual.h"
#include "passes/prune/sensitivity.h"
#include "passes/train/training.h"

namespace fastc {
namespace {

struct Training : TrainOptions {
  double begin = 0, end = 0.6;
  int64_t every = 16;
  std::string teacher;
  double alpha = 0.9, temperature = 4;
};

struct Options {
  std::optional<double> ratio;
  std::string scope = "global", pattern = "unstructured", importance = "magnitude";
  std::optional<Training> train;
  int64_t samples = 64;
  std::vector<std::string> include{"*"}, exclude;
};

const OptionSet<Training>& training_options() {
  static const auto set = [] {
    OptionSet<Training> declared("Training while the zeros grow along a cubic curve");
    declared.number("begin", &Training::begin, "share of the run after which the first weights go", range(0, 1))
        .number("end", &Training::end, "share of the run after which the last weights have gone; the rest heals", range(0, 1))
        .integer("every", &Training::every, "steps between two choices of what goes", range(1, 1 << 20))
        .text("teacher", &Training::teacher, "\"original\", \"stage:NAME\" or a model file to distil from; empty: the labels alone")
        .number("alpha", &Training::alpha, "share of the teacher in the loss", range(0, 1))
        .number("temperature", &Training::temperature, "what scores are divided by before they are compared", above(0).to(1000));
    add_train_options(declared);
    declared.check([](const Training& o) -> std::string {
      if (o.begin > o.end) return fmt::format("begin: expected at most \"end\", which is {}, found {}", o.end, o.begin);
      // Both end with weights of other steps than the last, in which fewer zeros had come.
      for (const auto& [name, used] : {std::pair{"ema", o.ema > 0}, std::pair{"patience", o.patience > 0}})
        if (used) return fmt::format("{}: expected 0 while zeros grow; a finetune stage after this one may use it", name);
      return train_options_problem(o);
    });
    return declared;
  }();
  return set;
}

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Sets the least important weights to zero and keeps them so in later training")
          .number("ratio", &Options::ratio, "share of the weights that becomes zero (0.5 where it is not given); an N:M pattern says it itself", range(0, 1))
          .choice("scope", &Options::scope, {"global", "layer", "sensitivity"},
                  "global: the smallest of all chosen layers; layer: the same share of each; sensitivity: more where the output changes less")
          .text("pattern", &Options::pattern, "what goes together: unstructured, N:M such as 2:4 (N of M inputs stay), or RxC such as 16x1 (output channels by inputs)")
          .choice("importance", &Options::importance, {"magnitude", "movement"}, "magnitude: the smallest go; movement: those that training moves towards zero")
          .object("train", &Options::train, training_options(), "train while the zeros grow; without it they all come at once")
          .integer("samples", &Options::samples, "sensitivity: calibration samples it is measured on", range(1, 1 << 20))
          .texts("include", &Options::include, "which nodes' weights (globs on names, or op:linear)")
          .texts("exclude", &Options::exclude, "which are left alone")
          .check([](const Options& o) -> std::string {
            const auto pattern = prune::parse_pattern(o.pattern);
            if (!pattern) return pattern.error().message;
            const bool groups = pattern->kind == Encoding::Sparsity::kNofM;
            if (groups && o.ratio) return fmt::format("ratio: expected none beside the pattern {}, which says it itself, found {}", o.pattern, *o.ratio);
            if (groups && o.scope == "sensitivity") return fmt::format("scope: expected global or layer for the pattern {}, which takes the same share everywhere, found sensitivity", o.pattern);
            return o.importance == "movement" && !o.train ? "importance: expected \"train\" beside movement, which is only seen in training" : "";
          });
  return set;
}

bool has_matrix(const Module& module, const Node& node) {
  if (node.op->name != "conv" && node.op->name != "conv_transpose" && node.op->name != "linear") return false;
  return module.is_weight(node.input(1)) && module.weight(node.inputs[1]).data.dtype() == DType::kF32;
}

Status check_finite(const Module& module, ValueId weight) {
  const Tensor data = module.weight(weight).data.to_contiguous();
  const auto values = data.values<float>();
  if (std::all_of(values.begin(), values.end(), [](float w) { return std::isfinite(w); })) return {};
  return stage_error("{}: expected finite weights to rank by size, found NaN or infinity", module.value(weight).name);
}

// The weights that the pattern fits; a note for each that it does not.
Result<std::vector<ValueId>> chosen_weights(const Module& module, const Options& options, const prune::Pattern& pattern, PassReport& report) {
  std::vector<NodeId> candidates;
  for (const NodeId id : module.order()) {
    if (has_matrix(module, module.node(id))) candidates.push_back(id);
  }
  FASTC_TRY(const auto nodes, select_nodes(module, candidates, options.include, options.exclude, "a conv or linear node with f32 weights"));
  std::vector<ValueId> weights;
  for (const NodeId id : nodes) {
    const ValueId weight = module.node(id).inputs[1];
    if (std::find(weights.begin(), weights.end(), weight) != weights.end()) continue;
    FASTC_CHECK(check_finite(module, weight));
    const std::string why = prune::misfit(pattern, module.weight(weight).data.shape());
    if (why.empty()) weights.push_back(weight);
    else report.notes.push_back(fmt::format("{} was left dense: {}", module.value(weight).name, why));
  }
  return weights;
}

Result<std::vector<double>> final_shares(const Module& module, const Options& options, const prune::Pattern& pattern, std::span<const ValueId> weights, PassContext& context) {
  const double ratio = pattern.kind == Encoding::Sparsity::kNofM ? 1 : options.ratio.value_or(0.5);  // of the units
  if (options.scope == "global") return std::vector<double>{ratio};
  if (options.scope == "layer") return std::vector<double>(weights.size(), ratio);
  const Dataset* data = context.calibration();
  if (data == nullptr || data->size() == 0) return usage_error("expected calibration data in the task to measure sensitivity on, found none");
  std::vector<int64_t> indices(static_cast<size_t>(std::min(options.samples, data->size())));
  std::iota(indices.begin(), indices.end(), 0);
  FASTC_TRY(const Batch batch, data->batch(indices));
  return prune::shares_by_sensitivity(module, weights, pattern, ratio, batch.inputs, context.progress());
}

void prune_at_once(Module& module, const prune::Pattern& pattern, std::span<const ValueId> weights, std::span<const double> shares) {
  std::vector<prune::Units> units;
  for (const ValueId weight : weights) {
    const Tensor& data = module.weight(weight).data;
    units.push_back(prune::units_of(pattern, data.shape(), prune::magnitudes(data)));
  }
  const auto masks = prune::masks_of(units, shares);
  for (size_t i = 0; i < weights.size(); ++i) prune::apply_mask(module.weight(weights[i]).data, masks[i]);
}

Result<PassReport> prune_in_training(Module& module, const Options& options, prune::Gradual plan, PassContext& context) {
  FASTC_TRY(const Dataset* data, data_to_train_on(context, "prune.weight with \"train\""));
  TrainContext training = train_context(context, "pruning");
  const auto hook = prune::gradual_pruning(std::move(plan));
  training.hook = hook.get();
  const Training& chosen = *options.train;
  TrainReport trained;
  if (chosen.teacher.empty()) {
    FASTC_TRY(TaskTraining done, train_for_task(module, *data, chosen, context, std::move(training)));
    trained = std::move(done.report);
  } else {
    FASTC_TRY(const Module teacher, context.model(chosen.teacher));
    FASTC_CHECK(check_pair(module, teacher, "teacher", chosen.teacher));
    training.teacher = &teacher;
    FASTC_TRY(trained, train(module, *data, *distillation(data->has_labels() ? chosen.alpha : 1, chosen.temperature), chosen, training));
  }
  if (trained.steps == 0) return stage_error("prune.weight: expected at least one step of training, found none; raise \"epochs\" or leave \"train\" out");
  return report_of(trained, {});
}

// Zeros save time only where a kernel skips them (backends/cpu/sparse.cc); the report must not let anybody hope for more.
std::string kernel_note(const prune::Pattern& pattern) {
  if (pattern.kind == Encoding::Sparsity::kBlock && pattern.n % 16 == 0)
    return "linear layers and 1x1 convolutions skip these blocks where at least 30 % of them are zero; other layers run dense";
  if (pattern.kind == Encoding::Sparsity::kNofM && pattern.n == 2 && pattern.m == 4)
    return "the file holds two numbers of four with their places, as CUDA's sparse tensor cores read them; on a CPU with AVX-512 linear layers in f32 multiply "
           "only these, over at most 8 rows: with more the permutations cost what is saved. Everything else runs dense, its zeros put back when the model opens";
  return "no sparse kernel runs for this pattern: the file leaves the zeros out, they are put back when the model opens, and latency is that of the dense network";
}

void set_patterns(Module& module, const prune::Pattern& pattern, std::span<const ValueId> weights, PassReport& report) {
  int64_t zeros = 0, total = 0;
  for (const ValueId id : weights) {
    Weight& weight = module.weight(id);
    const Tensor dense = weight.data.to_contiguous();
    zeros += std::count(dense.values<float>().begin(), dense.values<float>().end(), 0.0F);
    total += dense.elements();
    weight.encoding.sparsity = pattern.kind, weight.encoding.n = pattern.n, weight.encoding.m = pattern.m;
  }
  report.changed = true;
  report.numbers.insert(report.numbers.begin(), {{"weights_zero", double(zeros)}, {"weights_total", double(total)}});
  report.notes.push_back(fmt::format("{} of {} weights in {} tensors are zero ({:.1f} %)", zeros, total, weights.size(), 100.0 * double(zeros) / double(std::max<int64_t>(total, 1))));
  report.notes.push_back(kernel_note(pattern));
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  PassReport report;
  FASTC_TRY(const prune::Pattern pattern, prune::parse_pattern(options.pattern));
  FASTC_TRY(const std::vector<ValueId> weights, chosen_weights(module, options, pattern, report));
  if (weights.empty() || options.ratio == 0.0) {
    report.notes.push_back(weights.empty() ? "no weight was pruned: the network has no conv or linear weights in f32 that the pattern fits" : "no weight was pruned: ratio is 0");
    return report;
  }
  FASTC_TRY(const std::vector<double> shares, final_shares(module, options, pattern, weights, context));
  if (options.train) {
    prune::Gradual plan{pattern, {}, shares, options.importance == "movement", options.train->begin, options.train->end, options.train->every};
    for (const ValueId weight : weights) plan.weights.push_back(module.value(weight).name);
    FASTC_TRY(PassReport trained, prune_in_training(module, options, std::move(plan), context));
    trained.notes.insert(trained.notes.begin(), report.notes.begin(), report.notes.end());
    report = std::move(trained);
  } else {
    prune_at_once(module, pattern, weights, shares);
  }
  set_patterns(module, pattern, weights, report);
  return report;
}

FASTC_REGISTER_PASS(prune_weight, Options,
                    ({.name = "prune.weight", .summary = "sets the least important weights to zero",
                      .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat, .models = {"/train/teacher"}}),
                    options, run);

}  // namespace
}  // namespace fastc
