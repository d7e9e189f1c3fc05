// finetune: trains the weights on the task's training data.
//
//   before   @conv1.weight : f32[16,3,3,3] = …        after   the same graph, with other numbers in it
//
// Minimizes the cross entropy with the labels, L = −log softmax(y)[label] (for regression their mean squared error, for yes/no labels the binary cross
// entropy), by Adam (Kingma, Ba 2015), AdamW, SGD or Adafactor. Where there are no
// labels (the fidelity task, or data without them) it brings the outputs back to the original's instead: L = mean((y − y₀)²) / mean(y₀²).
// Batch norm uses batch statistics and updates the running ones unless "batch_norm" is "frozen"; weights pruned in a pattern keep their zeros.
//
// Legal when the program is float; after folding it trains too, but without batch norm. Effect: accuracy; size and speed stay.
#include "passes/pass.h"
#include "passes/train/training.h"

namespace fastc {
namespace {

struct Options : TrainOptions {
  std::string loss = "auto";
};

const OptionSet<Options>& options() {
  static const auto set = [] {
    OptionSet<Options> declared("Trains the weights on the task's training data");
    declared.choice("loss", &Options::loss, {"auto", "cross_entropy", "binary_cross_entropy", "mse"},
                    "what is minimized; auto: mse where the task is regression, else cross_entropy");
    add_train_options(declared);
    declared.check(train_options_problem);
    return declared;
  }();
  return set;
}

std::shared_ptr<const Loss> loss_of(const Options& chosen, const Task* task) {
  const bool regression = task != nullptr && task->type() == "regression";
  if (chosen.loss == "mse" || (chosen.loss == "auto" && regression)) return mean_squared_error();
  return chosen.loss == "binary_cross_entropy" ? binary_cross_entropy() : cross_entropy();
}

Result<PassReport> run(Module& module, const Options& chosen, PassContext& context) {
  FASTC_TRY(const Dataset* data, data_to_train_on(context, "finetune"));
  TrainContext training = train_context(context, "finetuning");
  const bool fidelity = context.task() != nullptr && context.task()->type() == "fidelity";
  if (data->has_labels() && !fidelity) {
    FASTC_TRY(const TrainReport trained, train(module, *data, *loss_of(chosen, context.task()), chosen, training));
    return report_of(trained, {});
  }
  FASTC_TRY(const Module original, context.model("original"));
  training.teacher = &original;
  FASTC_TRY(const TrainReport trained, train(module, *data, *match_outputs(), chosen, training));
  return report_of(trained, {"without labels: trained to give the original's outputs"});
}

FASTC_REGISTER_PASS(finetune, Options,
                    ({.name = "finetune", .summary = "trains the weights on the training data", .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat,
                      .needs_training_data = true, .needs_batch_norm = true}),
                    options, run);

}  // namespace
}  // namespace fastc
