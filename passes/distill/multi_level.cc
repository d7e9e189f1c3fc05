// distill.multi_level: trains the network to compute inside what a teacher computes inside, and to answer as it does.
//
//   before   @layer3.0.conv1.weight : f32[64,32,3,3] = …        after   the same graph, with other numbers in it
//
// L = alpha · T² · KL + (1 − alpha) · cross entropy + level_weight · mean over levels of D(student's value, teacher's value). Levels are pairs of nodes: named
// in "map", or proposed by position and shape (passes/distill/level_map.h). D is one of (engine/training/losses/)
//   mse            relative squared difference (Romero et al., "FitNets", 2015, equation 3)
//   cosine         direction of every position (Sanh et al., "DistilBERT", 2019)
//   attention_map  where a network looks (Zagoruyko, Komodakis 2017, equation 2)
//   similarity     which samples look alike (Tung, Mori 2019, equation 4)
// mse and cosine compare channel by channel: where widths differ a 1×1 projection is trained beside the network and thrown away. "order": "one_by_one"
// first trains for each level alone, `level_epochs` each, from the input on, and then for the answers, as FitNets does.
//
// Legal when the program is float, both take the same inputs and score the same classes, and each pair has the same positions: checked before the first
// step. Effect: accuracy; size and speed are the student's.
#include "passes/distill/level_map.h"
#include "passes/distill/pair.h"

namespace fastc {
namespace {

struct Options : AnswerOptions {
  std::vector<Level> map;
  int64_t levels = 3;
  std::string level_loss = "attention_map";
  double level_weight = 1;
  std::string order = "together";
  int64_t level_epochs = 1;
};

const OptionSet<Level>& level_options() {
  static const auto set = [] {
    OptionSet<Level> declared("Two nodes whose results are compared");
    declared.text("student", &Level::student, "node of the student").required().text("teacher", &Level::teacher, "node of the first teacher").required();
    return declared;
  }();
  return set;
}

const OptionSet<Options>& options() {
  static const auto set = [] {
    OptionSet<Options> declared("Trains the weights to compute inside what a teacher computes inside");
    declared.objects("map", &Options::map, level_options(), "which nodes are compared; absent: proposed by position and shape")
        .integer("levels", &Options::levels, "how many pairs are proposed", range(1, 1000))
        .choice("level_loss", &Options::level_loss, {"mse", "cosine", "attention_map", "similarity"}, "how they are compared")
        .number("level_weight", &Options::level_weight, "what the mean over the levels is multiplied by", above(0))
        .choice("order", &Options::order, {"together", "one_by_one"}, "one loss of everything; or first each level alone, then the answers")
        .integer("level_epochs", &Options::level_epochs, "one_by_one: epochs for each level", range(1, 100000));
    add_answer_options(declared);
    declared.check(answer_options_problem);
    return declared;
  }();
  return set;
}

Result<std::vector<Level>> levels_of(const Options& chosen, Pair& pair) {
  const bool proposed = chosen.map.empty();
  std::vector<Level> levels = proposed ? propose_levels(pair.student, pair.teachers[0], chosen.levels) : chosen.map;
  if (levels.empty())
    return stage_error("no hidden value of the student has the shape of one of the teacher \"{}\"; name the nodes to compare in \"map\"", chosen.teacher[0]);
  for (const Level& level : levels) pair.notes.push_back(fmt::format("{} learns from the teacher's {}{}", level.student, level.teacher, proposed ? " (proposed)" : ""));
  return checked_levels(pair.student, pair.teachers[0], std::move(levels), chosen.level_loss);
}

TrainContext training_of(const Pair& pair, PassContext& context, const std::string& part, std::string what) {
  TrainContext training = pair.training(context, std::move(what), part.empty() ? "" : part + "_");
  if (!part.empty() && !training.checkpoint_folder.empty()) training.checkpoint_folder += "/" + part;
  return training;
}

// Each level alone. Weights behind it get no gradient, and stay.
Status train_levels(Pair& pair, const std::vector<Level>& levels, const Dataset& data, const Options& chosen, PassContext& context, PassReport& report) {
  TrainOptions options = chosen;
  options.epochs = chosen.level_epochs;
  for (size_t i = 0; i < levels.size(); ++i) {
    const auto loss = multi_level(nullptr, {chosen.level_loss, chosen.level_weight, {levels[i]}}, context.seed());
    const std::string part = fmt::format("level_{}", i + 1);
    FASTC_TRY(const TrainReport trained, train(pair.student, data, *loss, options, training_of(pair, context, part, "distillation of " + levels[i].student)));
    for (const EpochRow& row : trained.curve) report.curves.push_back({part + "_loss", static_cast<double>(row.epoch), row.loss});
  }
  return {};
}

Result<PassReport> run(Module& module, const Options& chosen, PassContext& context) {
  FASTC_TRY(const Dataset* data, data_to_train_on(context, "distill.multi_level"));
  FASTC_TRY(Pair pair, make_pair(module, chosen, context));
  FASTC_TRY(const std::vector<Level> levels, levels_of(chosen, pair));
  auto loss = answer_loss(chosen, *data, pair.notes);
  PassReport before;
  if (chosen.order == "one_by_one") FASTC_CHECK(train_levels(pair, levels, *data, chosen, context, before));
  else loss = multi_level(loss, {chosen.level_loss, chosen.level_weight, levels}, context.seed());
  FASTC_TRY(const TrainReport trained, train(pair.student, *data, *loss, chosen, training_of(pair, context, "", "distillation")));
  module = std::move(pair.student);
  PassReport report = report_of(trained, std::move(pair.notes));
  report.curves.insert(report.curves.begin(), before.curves.begin(), before.curves.end());
  report.changed = report.changed || !before.curves.empty() || chosen.student.has_value();
  return report;
}

FASTC_REGISTER_PASS(distill_multi_level, Options,
                    ({.name = "distill.multi_level", .summary = "trains the weights to compute inside what a teacher computes inside", .needs = ProgramState::kFloat,
                      .leaves = ProgramState::kFloat, .needs_training_data = true, .needs_batch_norm = true, .models = {"/teacher", "/student/path"}}),
                    options, run);

}  // namespace
}  // namespace fastc
