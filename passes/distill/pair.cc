#include "passes/distill/pair.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "ir/cost.h"
#include "ir/type.h"
#include "passes/distill/initialize.h"

namespace fastc {
namespace {

// Symbols are each model's own, so two dimensions disagree only when both are numbers.
bool agree(const Type& a, const Type& b) {
  if (a.dtype != b.dtype || a.rank() != b.rank()) return false;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (a.shape[i].is_constant() && b.shape[i].is_constant() && !(a.shape[i] == b.shape[i])) return false;
  return true;
}

bool is_quantized(const Module& module) {
  return std::any_of(module.order().begin(), module.order().end(), [&](NodeId id) { return module.value(module.node(id).output()).type.quant.has_value(); });
}

// `share` of what there is remains.
Status cut(Module& module, const char* pass, std::optional<double> share, const nlohmann::json& more, PassContext& context) {
  if (!share || *share == 1) return {};
  nlohmann::json options = more;
  options["ratio"] = 1 - *share;
  FASTC_TRY(const PassReport report, find_pass(pass)->run(module, options, context));
  if (!report.changed) return stage_error("the teacher cannot be cut to {} of what it is: {} found nothing to remove", *share, pass);
  return {};
}

}  // namespace

const OptionSet<StudentOptions>& student_options() {
  static const auto set = [] {
    OptionSet<StudentOptions> options("A network to train");
    options.text("path", &StudentOptions::path, "a model file, \"original\" or \"stage:NAME\"; absent: the first teacher where depth or width cut it, else the network as it is")
        .number("depth", &StudentOptions::depth, "share of its residual blocks that remains (prune.structural)", above(0).to(1))
        .number("width", &StudentOptions::width, "share of its channels that remains, everywhere (prune.channel)", above(0).to(1))
        .choice("initialize", &StudentOptions::initialize, {"keep", "random"}, "start from the weights it has, or from random ones (He et al. 2015) that the seed decides");
    return options;
  }();
  return set;
}

std::string answer_options_problem(const AnswerOptions& o) {
  if (o.teacher.empty()) return "teacher: expected at least one, found none";
  if (!o.losses.empty() && weighted_sum(o.losses) == nullptr) return "losses: expected a weight above 0, found none";
  return train_options_problem(o);
}

std::shared_ptr<const Loss> answer_loss(const AnswerOptions& options, const Dataset& data, std::vector<std::string>& notes) {
  if (!options.losses.empty()) return weighted_sum(options.losses);
  if (data.has_labels() || options.alpha == 1) return distillation(options.alpha, options.temperature);
  notes.push_back(fmt::format("the training data has no labels: the teacher's share is 1, not {}", options.alpha));
  return distillation(1, options.temperature);
}

Result<Module> make_student(const Module& current, const Module& base, const StudentOptions& options, PassContext& context, std::string_view role,
                            std::vector<std::string>& notes) {
  const bool cuts = options.depth || options.width;
  Module student = cuts ? base : current;
  if (options.path) {
    FASTC_TRY(student, context.model(*options.path));
  }
  FASTC_CHECK(cut(student, "prune.structural", options.depth, nlohmann::json::object(), context));
  FASTC_CHECK(cut(student, "prune.channel", options.width, {{"scope", "all"}}, context));
  if (options.initialize == "random") initialize_randomly(student, seed_for(context.seed(), role));
  FASTC_TRY(const ModuleCost cost, module_cost(student));
  notes.push_back(fmt::format("the {} is {}{}, {} parameters{}", role, options.path ? *options.path : cuts ? "the teacher" : "the network as it was", cuts ? " with parts cut out" : "",
                              cost.parameters, options.initialize == "random" ? ", from random weights" : ""));
  return student;
}

Status check_pair(const Module& student, const Module& teacher, std::string_view who, const std::string& name) {
  if (student.inputs.size() != teacher.inputs.size())
    return stage_error("the {} \"{}\" takes {} inputs and the student {}; name a {} with the student's inputs, such as \"original\"", who, name,
                       teacher.inputs.size(), student.inputs.size(), who);
  for (size_t i = 0; i < student.inputs.size(); ++i) {
    const Value &s = student.value(student.inputs[i]), &t = teacher.value(teacher.inputs[i]);
    if (!agree(s.type, t.type))
      return stage_error("the {} \"{}\" takes {} as input {} and the student {}; name a {} with the student's inputs, such as \"original\"", who, name,
                         type_text(t.type), s.name, type_text(s.type), who);
  }
  const Type &s = student.value(student.outputs.at(0)).type, &t = teacher.value(teacher.outputs.at(0)).type;
  if (!agree(s, t))
    return stage_error("the {} \"{}\" answers with {} and the student with {}, and distillation compares class by class; name a {} with "
                       "the same classes, or train on labels alone with the pass \"finetune\"", who, name, type_text(t), type_text(s), who);
  return {};
}

Result<Pair> make_pair(const Module& current, const PairOptions& options, PassContext& context) {
  Pair pair;
  for (const std::string& name : options.teacher) {
    FASTC_TRY(Module teacher, context.model(name));
    pair.teachers.push_back(std::move(teacher));
  }
  pair.student = current;
  if (options.student) {
    if (is_quantized(current)) return stage_error("another student than the network itself cannot take the place of a quantized one; put the distillation before the quantization");
    FASTC_TRY(pair.student, make_student(current, pair.teachers.empty() ? current : pair.teachers[0], *options.student, context, "student", pair.notes));
    // What comes after this stage, and the task's metric, go by the network's own inputs and classes.
    FASTC_CHECK(check_pair(pair.student, current, "network as it was", "the pipeline's"));
  }
  for (size_t i = 0; i < pair.teachers.size(); ++i) FASTC_CHECK(check_pair(pair.student, pair.teachers[i], "teacher", options.teacher[i]));
  return pair;
}

TrainContext Pair::training(PassContext& context, std::string what, const std::string& part) const {
  TrainContext training = train_context(context, std::move(what), part);
  for (const Module& teacher : teachers) {
    if (training.teacher == nullptr) training.teacher = &teacher;
    else training.more_teachers.push_back(&teacher);
  }
  return training;
}

}  // namespace fastc
