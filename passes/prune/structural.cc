// prune.structural: drops whole residual blocks y = x + f(x), those that matter least.
//
//   before   %f = conv(%r, …)  %g = conv(%f, …)          after   %o = relu(%r)
//            %sum = add(%g, %r)  %o = relu(%sum)
//
// Legal where the block's input and result have one type and nothing else reads what its branch computes. Residual networks
// survive it because each block only refines its input (Veit et al. 2016, "Residual Networks Behave Like Ensembles"); for
// transformers Men et al. 2024 ("ShortGPT") do the same with layers. `unit` "branch" takes every y = x + f(x) for itself: the residual blocks of
// a convolutional network, attention and feed-forward halves of a transformer; "module" takes the halves of one layer together.
//
// Which: the least important (passes/prune/block_importance.cc). `iterative` measures again after every drop, which is what the others have
// become worth without it. How many: `count`, `ratio`, or until a `goal` is reached. Train afterwards.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/engine.h"
#include "ir/rewrite.h"
#include "passes/pass.h"
#include "passes/prune/block_importance.h"
#include "passes/prune/blocks.h"
#include "passes/prune/goal.h"
#include "passes/prune/loss.h"
#include "tasks/batches.h"

namespace fastc {
namespace {

struct Options {
  std::optional<int64_t> count;
  std::optional<double> ratio;
  std::optional<prune::Goal> goal;
  std::string importance = "output", unit = "branch";
  bool iterative = false;
  int64_t samples = 64, batch_size = 64;
  std::vector<std::string> include{"*"}, exclude;
};

std::vector<std::string> importance_names() {
  std::vector<std::string> names;
  for (const auto& importance : prune::block_importances()) names.emplace_back(importance.name);
  return names;
}
std::string importance_help() {
  std::string help = "what a block is worth";
  for (const auto& importance : prune::block_importances()) help += fmt::format("; {}: {}", importance.name, importance.summary);
  return help;
}

const OptionSet<Options>& options() {
  static const auto set = OptionSet<Options>("Drops whole residual blocks that matter least")
                              .integer("count", &Options::count, "how many units go; 1 where neither it nor `ratio` nor `goal` is given", range(0, 1 << 20))
                              .number("ratio", &Options::ratio, "share of the units that goes (rounded down)", range(0, 1))
                              .object("goal", &Options::goal, prune::goal_options(), "what remains of the whole network: units go until it is reached")
                              .choice("importance", &Options::importance, importance_names(), importance_help())
                              .choice("unit", &Options::unit, {"branch", "module"}, "branch: each y = x + f(x) alone; module: neighbours of one module of the network go together (a transformer's layer)")
                              .flag("iterative", &Options::iterative, "measure all units again after each drop")
                              .integer("samples", &Options::samples, "calibration samples a block is measured on", range(1, 1 << 20))
                              .integer("batch_size", &Options::batch_size, "samples at a time", range(1, 4096))
                              .texts("include", &Options::include, "which blocks, by the name of the node that joins them (globs)")
                              .texts("exclude", &Options::exclude, "which must stay")
                              .check([](const Options& o) {
                                const int given = o.count.has_value() + o.ratio.has_value() + o.goal.has_value();
                                return given > 1 ? "expected one of \"count\", \"ratio\" and \"goal\", found several" : "";
                              });
  return set;
}

// Units of which every block is chosen.
Result<std::vector<prune::Unit>> chosen_units(const Module& module, const Options& options) {
  auto blocks = prune::find_blocks(module);
  if (blocks.empty()) return std::vector<prune::Unit>{};
  std::vector<NodeId> joins;
  for (const auto& block : blocks) joins.push_back(block.join);
  FASTC_TRY(const auto selected, select_nodes(module, joins, options.include, options.exclude, "the node that joins a residual block"));
  auto units = prune::units_of(module, std::move(blocks), options.unit == "module");
  std::erase_if(units, [&](const prune::Unit& unit) {
    return std::any_of(unit.blocks.begin(), unit.blocks.end(), [&](const prune::Block& b) { return std::find(selected.begin(), selected.end(), b.join) == selected.end(); });
  });
  return units;
}

Result<std::vector<Batch>> calibration_batches(const Options& options, PassContext& context) {
  const Dataset* data = context.calibration();
  if (data == nullptr || data->size() == 0) return usage_error("expected calibration data in the task to measure blocks on, found none");
  std::vector<Batch> batches;
  const auto indices = indices_in_order(std::min(options.samples, data->size()));
  for (const auto& part : cut_batches(indices, options.batch_size)) {
    FASTC_TRY(Batch batch, data->batch(part));
    batches.push_back(std::move(batch));
  }
  return batches;
}

// The units of a network that is being cut, ranked.
class Ranking {
 public:
  Ranking(const Options& options, std::span<const Batch> batches, PassContext& context) : options_(options), batches_(batches), context_(context) {
    for (const auto& importance : prune::block_importances()) {
      if (importance.name == options.importance) importance_ = &importance;
    }
  }

  Status rank(const Module& module, std::vector<prune::Unit> units) {
    FASTC_TRY(const auto worths, importance_->measure({module, units, batches_, context_.seed(), context_.progress()}));
    std::vector<size_t> order(units.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return worths[a] < worths[b]; });
    scored_.clear();
    for (const size_t i : order) scored_.push_back({std::move(units[i]), worths[i]});
    return {};
  }
  bool empty() const { return scored_.empty(); }

  // Drops the least important unit; false when it had gone with one around it.
  Result<bool> drop_first(Module& module, PassReport& report) {
    const Scored chosen = std::move(scored_.front());
    scored_.erase(scored_.begin());
    FASTC_TRY(const int64_t blocks, prune::drop_unit(module, chosen.unit));
    if (blocks == 0) return false;
    report.notes.push_back(fmt::format("dropped {}: {}", chosen.unit.name, fmt::format(fmt::runtime(importance_->says), chosen.worth)));
    if (options_.iterative && !scored_.empty()) FASTC_CHECK(rank_again(module));
    return true;
  }

 private:
  struct Scored { prune::Unit unit; double worth; };

  Status rank_again(const Module& module) {
    std::vector<prune::Unit> left = prune::units_of(module, prune::find_blocks(module), options_.unit == "module");
    std::erase_if(left, [&](const prune::Unit& unit) {
      return std::none_of(scored_.begin(), scored_.end(), [&](const Scored& other) { return other.unit.blocks.front().join == unit.blocks.front().join; });
    });
    return rank(module, std::move(left));
  }

  const Options& options_;
  std::span<const Batch> batches_;
  PassContext& context_;
  const prune::BlockImportance* importance_ = nullptr;
  std::vector<Scored> scored_;
};

struct Dropped { Module module; int64_t units = 0; };

// Drops until `enough`, or until nothing is left to drop.
Result<Dropped> drop_until(Module module, Ranking& ranking, PassReport& report, const std::function<Result<bool>(const Dropped&)>& enough) {
  Dropped out{std::move(module), 0};
  while (true) {
    FASTC_TRY(const bool done, enough(out));
    if (done || ranking.empty()) return out;
    FASTC_TRY(const bool went, ranking.drop_first(out.module, report));
    out.units += went;
  }
}

Result<Dropped> drop_to_goal(const Module& module, Ranking& ranking, const prune::Goal& goal, prune::Meter& meter, PassReport& report, PassContext& context) {
  std::optional<Dropped> found;
  std::optional<prune::Remaining> best;
  const auto search = [&]() -> Result<std::string> {
    FASTC_TRY(found, drop_until(module, ranking, report, [&](const Dropped& now) -> Result<bool> {
      if (now.units == 0 && goal.latency < 1) return best = prune::Remaining{1, 1, 1, 1}, false;  // nothing to measure yet
      if (goal.latency && meter.measurements_left() == 0) return stage_error("expected the goal to be reached within {} measurements, found {} after them; raise \"measurements\"", goal.measurements, prune::remaining_text(*best));
      FASTC_TRY(best, meter.remaining(now.module));
      return meter.reached(*best);
    }));
    if (!meter.reached(*best)) return stage_error("expected the goal to be within reach, found that {} remain when all that `include` allows is dropped", prune::remaining_text(*best));
    return std::to_string(found->units);
  };
  if (!goal.latency) {
    FASTC_CHECK(search());
  } else {
    FASTC_TRY(const std::string count, context.decide("units dropped", search));
    if (!found) {  // repeated from an earlier run: nothing is measured
      FASTC_TRY(found, drop_until(module, ranking, report, [&](const Dropped& now) -> Result<bool> { return std::to_string(now.units) == count; }));
    }
  }
  return std::move(*found);
}

Result<double> output_change(const Module& before, const Module& after, const Batch& batch) {
  FASTC_TRY(const Evaluator reference, Evaluator::prepare(before));
  FASTC_TRY(const auto expected, reference.run(batch.inputs));
  FASTC_TRY(const Evaluator smaller, Evaluator::prepare(after));
  FASTC_TRY(const auto found, smaller.run(batch.inputs));
  return prune::relative_change(found.front(), expected.front());
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  FASTC_TRY(auto units, chosen_units(module, options));
  PassReport report;
  const int64_t all = static_cast<int64_t>(units.size());
  const int64_t wanted = options.count ? *options.count : options.ratio ? static_cast<int64_t>(std::floor(*options.ratio * double(all))) : options.goal ? all : 1;
  if (wanted > all && all == 0) return usage_error("expected a residual block x + f(x) of layers to drop, found none in the network");
  if (wanted > all) return usage_error("expected at most {} blocks to drop, found \"count\": {}", all, wanted);
  if (wanted == 0) {
    report.notes.push_back(all == 0 ? "no block was dropped: the network has no residual block whose input and result have one type" : "no block was dropped: count or ratio asks for none");
    return report;
  }
  FASTC_TRY(const auto batches, calibration_batches(options, context));
  FASTC_TRY(prune::Meter meter, prune::Meter::start(module, options.goal.value_or(prune::Goal{}), context));
  Ranking ranking(options, batches, context);
  FASTC_CHECK(ranking.rank(module, std::move(units)));
  FASTC_TRY(Dropped dropped, options.goal ? drop_to_goal(module, ranking, *options.goal, meter, report, context)
                                          : drop_until(module, ranking, report, [&](const Dropped& now) -> Result<bool> { return now.units == wanted; }));
  FASTC_CHECK(verify(dropped.module));
  FASTC_TRY(const double change, output_change(module, dropped.module, batches.front()));
  FASTC_TRY(const prune::Remaining left, meter.counted(dropped.module));
  module = std::move(dropped.module);
  report.changed = dropped.units > 0;
  report.numbers = {{"blocks_dropped", double(dropped.units)}, {"output_change", change}, {"flops_remaining", left.flops}, {"parameters_remaining", left.parameters}};
  return report;
}

FASTC_REGISTER_PASS(prune_structural, Options,
                    ({.name = "prune.structural", .summary = "drops whole residual blocks that matter least",
                      .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat, .needs_calibration = true}),
                    options, run);

}  // namespace
}  // namespace fastc
