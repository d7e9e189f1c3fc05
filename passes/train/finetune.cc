// finetune: trains the weights on the task's training data.
//
//   before   @conv1.weight : f32[16,3,3,3] = …        after   the same graph, with other numbers in it
//
// Minimizes the cross entropy with the labels, L = −log softmax(y)[label] (for regression their mean squared error, for yes/no labels the binary cross
// entropy), by Adam (Kingma, Ba 2015), AdamW, SGD or Adafactor. Where there are no
// labels (the fidelity task, or data without them) it brings the outputs back to the original's instead: L = mean((y − y₀)²) / mean(y₀²).
// Batch norm uses batch statistics and updates the running ones unless "batch_norm" is "frozen"; weights pruned in a pattern keep their zeros.
//
// A quantized program is trained as such (quantization-aware training, engine/fake_quantize.h): in every step weights and values are rounded as
// the integers round them, and the steps are learned with the weights (Esser et al. 2020). So are weights that are only kept in fewer bits
// (quantize.weight_only, quantize.cast). A layer whose weights cannot be trained is named; where there is no other the stage fails.
//
// Legal when the program is float or quantized; after folding it trains too, but without batch norm. Effect: accuracy; size and speed stay.
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

Result<PassReport> run(Module& module, const Options& chosen, PassContext& context) {
  FASTC_TRY(const Dataset* data, data_to_train_on(context, "finetune"));
  FASTC_TRY(const TaskTraining trained, train_for_task(module, *data, chosen, context, train_context(context, "finetuning"), chosen.loss));
  return report_of(trained.report, trained.on_labels ? std::vector<std::string>{} : std::vector<std::string>{"without labels: trained to give the original's outputs"});
}

FASTC_REGISTER_PASS(finetune, Options,
                    ({.name = "finetune", .summary = "trains the weights on the training data", .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat,
                      .needs_training_data = true, .needs_batch_norm = true, .trains_quantized = true}),
                    options, run);

}  // namespace
}  // namespace fastc
