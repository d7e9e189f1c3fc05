// distill.single_shot: trains the weights to answer as a teacher does, in one go.
//
//   before   @conv1.weight : f32[8,3,3,3] = …         after   the same graph, with other numbers in it
//
// L = alpha · T² · KL(softmax(teacher/T) ‖ softmax(y/T)) + (1 − alpha) · cross entropy with the labels
// (Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network": the softened scores tell how the wrong classes compare, and T²
// keeps their share of the gradient when T changes). Without labels alpha is 1. The usual step after pruning: the teacher is what the
// network was before.
//
// Legal when the program is float or quantized (then this is quantization-aware training, as with finetune) and teacher and student take the same inputs and score the same classes: checked before the first step.
// Effect: accuracy; size and speed stay.
#include "ir/type.h"
#include "passes/pass.h"
#include "passes/train/training.h"

namespace fastc {
namespace {

struct Options : TrainOptions {
  std::string teacher = "original";
  double alpha = 0.9;
  double temperature = 4;
};

const OptionSet<Options>& options() {
  static const auto set = [] {
    OptionSet<Options> declared("Trains the weights to answer as a teacher does");
    declared.text("teacher", &Options::teacher, "who teaches: \"original\", \"stage:NAME\", or a model file")
        .number("alpha", &Options::alpha, "share of the teacher in the loss; the rest is the labels'", range(0, 1))
        .number("temperature", &Options::temperature, "what scores are divided by before they are compared; above 1 the wrong classes count more", above(0).to(1000));
    add_train_options(declared);
    return declared;
  }();
  return set;
}

// Symbols are each model's own, so two dimensions disagree only when both are numbers.
bool agree(const Type& a, const Type& b) {
  if (a.dtype != b.dtype || a.rank() != b.rank()) return false;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (a.shape[i].is_constant() && b.shape[i].is_constant() && !(a.shape[i] == b.shape[i])) return false;
  return true;
}

Status check_pair(const Module& student, const Module& teacher, const std::string& name) {
  if (student.inputs.size() != teacher.inputs.size())
    return stage_error("the teacher \"{}\" takes {} inputs and the student {}; name a teacher with the student's inputs, such as \"original\"", name,
                       teacher.inputs.size(), student.inputs.size());
  for (size_t i = 0; i < student.inputs.size(); ++i) {
    const Value &s = student.value(student.inputs[i]), &t = teacher.value(teacher.inputs[i]);
    if (!agree(s.type, t.type))
      return stage_error("the teacher \"{}\" takes {} as input {} and the student {}; name a teacher with the student's inputs, such as \"original\"", name,
                         type_text(t.type), s.name, type_text(s.type));
  }
  const Type &s = student.value(student.outputs.at(0)).type, &t = teacher.value(teacher.outputs.at(0)).type;
  if (!agree(s, t))
    return stage_error("the teacher \"{}\" answers with {} and the student with {}, and distillation compares class by class; name a teacher with "
                       "the same classes, or train on labels alone with the pass \"finetune\"", name, type_text(t), type_text(s));
  return {};
}

Result<PassReport> run(Module& module, const Options& chosen, PassContext& context) {
  FASTC_TRY(const Dataset* data, data_to_train_on(context, "distill.single_shot"));
  FASTC_TRY(const Module teacher, context.model(chosen.teacher));
  FASTC_CHECK(check_pair(module, teacher, chosen.teacher));
  std::vector<std::string> notes;
  double alpha = chosen.alpha;
  if (!data->has_labels() && alpha < 1) {
    notes.push_back(fmt::format("the training data has no labels: the teacher's share is 1, not {}", alpha));
    alpha = 1;
  }
  TrainContext training = train_context(context, "distillation");
  training.teacher = &teacher;
  FASTC_TRY(const TrainReport trained, train(module, *data, *distillation(alpha, chosen.temperature), chosen, training));
  return report_of(trained, std::move(notes));
}

FASTC_REGISTER_PASS(distill_single_shot, Options,
                    ({.name = "distill.single_shot", .summary = "trains the weights to answer as a teacher does", .needs = ProgramState::kFloat,
                      .leaves = ProgramState::kFloat, .needs_training_data = true, .needs_batch_norm = true, .trains_quantized = true}),
                    options, run);

}  // namespace
}  // namespace fastc
