// distill.bidirectional: the network and a peer train on the same batches, each from the labels and from the other.
//
//   before   @conv1.weight : f32[16,3,3,3] = …        after   the same graph, with other numbers in it; or the peer's graph, where that is better
//
// L₁ = cross entropy(y₁) + KL(softmax(y₂) ‖ softmax(y₁)), L₂ the other way round (Zhang et al., "Deep mutual learning", 2018, equations 3 to 6), both taken
// on the same outputs; or what "losses" lists. A peer with the very same weights would answer the same for ever, and is refused: give it another network, or
// "initialize": "random". Teachers that do not change may be added; their answers are averaged with the peer's.
//
// "ships": "both" lets the student go on through the pipeline and ships the peer beside the result, as it is after this stage.
//
// Legal when the program is float and both take the same inputs and score the same classes. Effect: accuracy; size and speed are those of the one that ships.
#include "passes/distill/pair.h"

namespace fastc {
namespace {

struct Options : PairOptions {
  StudentOptions peer;
  std::string ships = "student";
  std::vector<LossOptions> losses{{"cross_entropy", 1, 1}, {"soft_kl", 1, 1}};
  Options() { teacher.clear(), peer.path = "original"; }
};

const OptionSet<Options>& options() {
  static const auto set = [] {
    OptionSet<Options> declared("Trains the network and a peer, each from the other");
    declared.object("peer", &Options::peer, student_options(), "the other network; must differ from the student in its weights")
        .choice("ships", &Options::ships, {"student", "peer", "better", "both"},
                "which one goes on; better: with more right answers (else less loss) on the held-out data, or on the last epoch's training data where none is held out; "
                "both: the student, and the peer becomes an artifact of its own")
        .objects("losses", &Options::losses, loss_options(), "what each minimizes, added up; the other is its teacher");
    add_pair_options(declared);
    declared.check([](const Options& o) -> std::string {
      if (weighted_sum(o.losses) == nullptr || !std::any_of(o.losses.begin(), o.losses.end(), [](const LossOptions& l) {
            return l.weight > 0 && (l.type == "soft_kl" || l.type == "logits_mse" || l.type == "match_outputs");
          }))
        return "losses: expected one that compares with the other network (soft_kl, logits_mse, match_outputs), found none";
      return train_options_problem(o);
    });
    return declared;
  }();
  return set;
}

bool same_weights(const Module& a, const Module& b) {
  if (a.weights.size() != b.weights.size()) return false;
  for (const auto& [name, weight] : a.weights) {
    const auto other = b.weights.find(name);
    if (other == b.weights.end() || !equal(weight.data, other->second.data)) return false;
  }
  return true;
}

// Higher is better.
std::pair<double, double> rank_of(const TrainReport& report) {
  if (report.curve.empty()) return {0, 0};
  const EpochRow& row = report.best_epoch > 0 ? report.curve[static_cast<size_t>(report.best_epoch) - 1] : report.curve.back();
  if (row.held_out_loss) return {row.held_out_accuracy.value_or(0), -*row.held_out_loss};
  return {row.accuracy.value_or(0), -row.loss};
}

Result<PassReport> run(Module& module, const Options& chosen, PassContext& context) {
  FASTC_TRY(const Dataset* data, data_to_train_on(context, "distill.bidirectional"));
  FASTC_TRY(Pair pair, make_pair(module, chosen, context));
  FASTC_TRY(Module peer, make_student(module, pair.student, chosen.peer, context, "peer", pair.notes));
  FASTC_CHECK(check_pair(pair.student, peer, "peer", chosen.peer.path.value_or("the network as it was")));
  if (same_weights(pair.student, peer))
    return stage_error("the peer has the student's weights, so that neither can learn from the other; name another network, or set \"initialize\": \"random\" in one of them");
  FASTC_TRY(const std::vector<TrainReport> trained,
            train_together(pair.student, peer, *data, *weighted_sum(chosen.losses), chosen, pair.training(context, "mutual distillation", "student_")));
  const bool peer_is_better = rank_of(trained[1]) > rank_of(trained[0]);
  const bool peer_goes_on = chosen.ships == "peer" || (chosen.ships == "better" && peer_is_better);
  pair.notes.push_back(fmt::format("the {} goes on; the {} did better while training", peer_goes_on ? "peer" : "student", peer_is_better ? "peer" : "student"));
  if (chosen.ships == "both") FASTC_CHECK(context.ship("peer", peer));
  PassReport report = report_of(trained[peer_goes_on ? 1 : 0], std::move(pair.notes), peer_goes_on ? "peer_" : "student_");
  for (const EpochRow& row : trained[peer_goes_on ? 0 : 1].curve)
    for (CurvePoint& point : points_of(row, peer_goes_on ? "student_" : "peer_")) report.curves.push_back(std::move(point));
  report.changed = report.changed || peer_goes_on || chosen.student.has_value();
  module = std::move(peer_goes_on ? peer : pair.student);
  return report;
}

FASTC_REGISTER_PASS(distill_bidirectional, Options,
                    ({.name = "distill.bidirectional", .summary = "trains the network and a peer, each from the other", .needs = ProgramState::kFloat,
                      .leaves = ProgramState::kFloat, .needs_training_data = true, .needs_batch_norm = true, .models = {"/teacher", "/student/path", "/peer/path"}}),
                    options, run);

}  // namespace
}  // namespace fastc
