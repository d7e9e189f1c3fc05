// Who learns from whom: what the distilling passes share. Students, teachers, and the check that they go together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "passes/pass.h"
#include "passes/train/training.h"

namespace fastc {

// A network to train, in place of the one the pipeline has made so far.
struct StudentOptions {
  std::optional<std::string> path;  // as a teacher is named
  std::optional<double> depth, width;
  std::string initialize = "keep";
};
const OptionSet<StudentOptions>& student_options();

struct PairOptions : TrainOptions {
  std::vector<std::string> teacher{"original"};
  std::optional<StudentOptions> student;
};

template <typename T>
void add_pair_options(OptionSet<T>& set) {
  set.texts("teacher", &T::teacher, "who teaches: \"original\", \"stage:NAME\", or a model file; of several the outputs are averaged")
      .object("student", &T::student, student_options(), "who learns, in place of the network as the pipeline has it, and goes on in its place");
  add_train_options(set);
}

// How a student's answers are compared: by alpha and temperature, or by a list of losses in their place.
struct AnswerOptions : PairOptions {
  double alpha = 0.9;
  double temperature = 4;
  std::vector<LossOptions> losses;
};

template <typename T>
void add_answer_options(OptionSet<T>& set) {
  set.number("alpha", &T::alpha, "share of the teacher's answers in the loss; the rest is the labels'", range(0, 1))
      .number("temperature", &T::temperature, "what scores are divided by before they are compared; above 1 the wrong classes count more", above(0).to(1000))
      .objects("losses", &T::losses, loss_options(), "what is minimized, added up; in place of alpha and temperature");
  add_pair_options(set);
}
// "" or a sentence on options that do not go together.
std::string answer_options_problem(const AnswerOptions& options);
// Without labels alpha is 1, and a note says so.
std::shared_ptr<const Loss> answer_loss(const AnswerOptions& options, const Dataset& data, std::vector<std::string>& notes);

struct Pair {
  Module student;
  std::vector<Module> teachers;  // in the order given
  std::vector<std::string> notes;

  // With the teachers, which must stay where they are while the context lives.
  TrainContext training(PassContext& context, std::string what, const std::string& part = "") const;
};
// Errors are kStage where the two do not fit, before anything is trained.
Result<Pair> make_pair(const Module& current, const PairOptions& options, PassContext& context);

// A student from its options; `base` is what a cut is made of. `role` draws its own random numbers, and opens the notes.
Result<Module> make_student(const Module& current, const Module& base, const StudentOptions& options, PassContext& context, std::string_view role,
                            std::vector<std::string>& notes);
// The same inputs, the same classes. `who` and `name` are for the message: the teacher "original".
Status check_pair(const Module& student, const Module& teacher, std::string_view who, const std::string& name);

}  // namespace fastc
