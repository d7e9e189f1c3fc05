// distill.single_shot: trains the weights to answer as a teacher does, in one go.
//
//   before   @conv1.weight : f32[8,3,3,3] = …         after   the same graph, with other numbers in it
//
// L = alpha · T² · KL(softmax(teacher/T) ‖ softmax(y/T)) + (1 − alpha) · cross entropy with the labels
// (Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network": the softened scores tell how the wrong classes compare, and T²
// keeps their share of the gradient when T changes), or what "losses" lists, added up. Without labels alpha is 1. Of several teachers the softened answers are
// averaged. The usual step after pruning: the teacher is what the network was before. "student" puts another network in the pipeline's
// place: a model file, or the teacher cut in depth or width, with its weights or from random ones.
//
// Legal when the program is float or quantized (then this is quantization-aware training, as with finetune) and teacher and student take the
// same inputs and score the same classes: checked before the first step. Effect: accuracy; size and speed are the student's.
#include "passes/distill/pair.h"

namespace fastc {
namespace {

struct Options : AnswerOptions {};

const OptionSet<Options>& options() {
  static const auto set = [] {
    OptionSet<Options> declared("Trains the weights to answer as a teacher does");
    add_answer_options(declared);
    declared.check(answer_options_problem);
    return declared;
  }();
  return set;
}

Result<PassReport> run(Module& module, const Options& chosen, PassContext& context) {
  FASTC_TRY(const Dataset* data, data_to_train_on(context, "distill.single_shot"));
  FASTC_TRY(Pair pair, make_pair(module, chosen, context));
  const auto loss = answer_loss(chosen, *data, pair.notes);
  FASTC_TRY(const TrainReport trained, train(pair.student, *data, *loss, chosen, pair.training(context, "distillation")));
  module = std::move(pair.student);
  PassReport report = report_of(trained, std::move(pair.notes));
  report.changed = report.changed || chosen.student.has_value();
  return report;
}

FASTC_REGISTER_PASS(distill_single_shot, Options,
                    ({.name = "distill.single_shot", .summary = "trains the weights to answer as a teacher does", .needs = ProgramState::kFloat,
                      .leaves = ProgramState::kFloat, .needs_training_data = true, .needs_batch_norm = true, .trains_quantized = true, .models = {"/teacher", "/student/path"}}),
                    options, run);

}  // namespace
}  // namespace fastc
