// prune.channel: removes whole channels, so that every tensor really shrinks; no masks are left behind.
//
//   before   @a.w : f32[16,3,3,3]   %a = conv(%x, @a.w)    after   @a.w : f32[8,3,3,3]
//            %n = batch_norm(%a, …[16])                            %n = batch_norm(%a, …[8])
//            %r = relu(%n)                                         %r = relu(%n)
//            @b.w : f32[16,16,3,3]  %b = conv(%r, @b.w)            @b.w : f32[16,8,3,3]
//
// Legal: a channel goes together with everything that is coupled with it (ir/coupling.h); inputs and outputs of the network
// keep theirs. The result differs from the original; train afterwards (finetune, distill.single_shot).
//
// Which channels: the least important (passes/prune/importance.h): `l1`, Li et al. 2017, or `taylor`, Molchanov et al. 2019 eq. 8.
// `ratio` takes the same share of every layer. `goal` takes the cheapest channels of all layers, ranked together after dividing by the
// layer's mean, until the cost counted by ir/cost.h has come down; the shortest such list is found by bisection.
//
// `round_to` 8: kernels compute channels in vectors of 8 or 16, so that 13 channels cost what 16 do.
// `scope` "inner": channels inside residual blocks only. The residual stream is summed over many layers, so that no single
// layer's importance speaks for it, and in practice losing its channels costs most ("all" takes them too).
#include <algorithm>
#include <set>

#include "ir/cost.h"
#include "ir/coupling.h"
#include "ir/rewrite.h"
#include "passes/pass.h"
#include "passes/prune/importance.h"
#include "passes/prune/plan.h"

namespace fastc {
namespace {

struct Goal {
  std::optional<double> flops, parameters;
};

struct Options {
  std::optional<double> ratio;
  std::optional<Goal> goal;
  std::string importance = "l1";
  std::string scope = "inner";
  std::vector<std::string> include{"*"}, exclude;
  int64_t round_to = 8, min_channels = 1, samples = 512, batch_size = 32;
};

const OptionSet<Goal>& goal_options() {
  static const auto set = OptionSet<Goal>("What remains")
                              .number("flops", &Goal::flops, "share of the FLOPs that remains", above(0).to(1))
                              .number("parameters", &Goal::parameters, "share of the parameters that remains", above(0).to(1))
                              .check([](const Goal& goal) { return goal.flops || goal.parameters ? "" : "expected \"flops\" or \"parameters\", found neither"; });
  return set;
}

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Removes whole channels and everything coupled with them")
          .number("ratio", &Options::ratio, "share of every layer's channels that goes; 0.5 where neither it nor `goal` is given", range(0, 1))
          .object("goal", &Options::goal, goal_options(), "what remains of the whole network, in place of `ratio`")
          .choice("importance", &Options::importance, {"l1", "taylor"}, "how a channel's worth is measured; taylor takes gradients on the training (else calibration) data")
          .choice("scope", &Options::scope, {"inner", "all"}, "inner: channels inside residual blocks only; all: the residual stream too")
          .texts("include", &Options::include, "which nodes' output channels may go (globs on names, or op:conv)")
          .texts("exclude", &Options::exclude, "which must stay")
          .integer("round_to", &Options::round_to, "channels that stay are a multiple of this", range(1, 4096))
          .integer("min_channels", &Options::min_channels, "at least this many channels stay in every layer", range(1, 1 << 20))
          .integer("samples", &Options::samples, "taylor: how many samples gradients are taken on", range(1, 1 << 20))
          .integer("batch_size", &Options::batch_size, "taylor: samples a gradient is summed over", range(1, 4096))
          .check([](const Options& o) { return o.ratio && o.goal ? "expected \"ratio\" or \"goal\", found both" : ""; });
  return set;
}

// Free sets with a writer that is chosen and none that is excluded.
Result<std::vector<size_t>> chosen_sets(const Module& module, const Coupling& coupling, const Options& options) {
  std::set<NodeId> all;
  for (const ChannelSet& set : coupling.sets) {
    if (set.why_pinned.empty()) all.insert(set.writers.begin(), set.writers.end());
  }
  const std::vector<NodeId> candidates(all.begin(), all.end());
  if (candidates.empty()) return std::vector<size_t>{};
  constexpr std::string_view kWhat = "a node whose output channels can be removed";
  FASTC_TRY(const auto included, select_nodes(module, candidates, options.include, {}, kWhat));
  std::vector<NodeId> excluded;
  if (!options.exclude.empty()) {
    FASTC_TRY(excluded, select_nodes(module, candidates, options.exclude, {}, kWhat));
  }
  const auto any_of = [](const std::vector<NodeId>& writers, const std::vector<NodeId>& list) {
    return std::any_of(writers.begin(), writers.end(), [&](NodeId id) { return std::find(list.begin(), list.end(), id) != list.end(); });
  };
  std::vector<size_t> out;
  for (size_t i = 0; i < coupling.sets.size(); ++i) {
    const ChannelSet& set = coupling.sets[i];
    if (!set.why_pinned.empty() || (options.scope == "inner" && !set.inner)) continue;
    if (any_of(set.writers, included) && !any_of(set.writers, excluded)) out.push_back(i);
  }
  return out;
}

Result<std::vector<double>> importance_of(const Module& module, const Coupling& coupling, const Options& options, PassContext& context) {
  if (options.importance == "l1") return prune::l1_importance(module, coupling);
  const Dataset* data = context.training_data() ? context.training_data() : context.calibration();
  if (data == nullptr) return usage_error("expected training or calibration data in the task for \"importance\": \"taylor\", found none; name one, or use \"l1\"");
  const prune::TaylorOptions taylor{options.samples, options.batch_size, context.seed()};
  return prune::taylor_importance(module, coupling, *data, taylor, context.progress());
}

// What remains, as shares, must be at most the goal's.
struct Remaining { double flops, parameters; };
Result<Remaining> remaining(const ModuleCost& before, const Module& module) {
  FASTC_TRY(const ModuleCost now, module_cost(module));
  return Remaining{double(now.flops) / double(std::max<int64_t>(before.flops, 1)), double(now.parameters) / double(std::max<int64_t>(before.parameters, 1))};
}
bool reached(const Goal& goal, const Remaining& left) {
  return (!goal.flops || left.flops <= *goal.flops) && (!goal.parameters || left.parameters <= *goal.parameters);
}

// Removes the fewest of `steps`, from the front, that reach the goal.
Status remove_until(Module& module, const Coupling& coupling, const std::vector<std::vector<size_t>>& steps, const Goal& goal, const ModuleCost& before) {
  const auto without = [&](size_t count) -> Result<Module> {
    Module smaller = module;
    std::vector<size_t> groups;
    for (size_t i = 0; i < count; ++i) groups.insert(groups.end(), steps[i].begin(), steps[i].end());
    FASTC_CHECK(remove_groups(smaller, coupling, groups));
    return smaller;
  };
  size_t low = 0, high = steps.size();  // the answer lies in [low, high]
  FASTC_TRY(Module best, without(high));
  FASTC_TRY(const Remaining least, remaining(before, best));
  if (!reached(goal, least)) {
    return stage_error("expected the goal to be within reach, found that {:.3f} of the FLOPs and {:.3f} of the parameters remain when all that `include`, `scope`, "
                       "`round_to` and `min_channels` allow is removed", least.flops, least.parameters);
  }
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    FASTC_TRY(Module smaller, without(middle));
    FASTC_TRY(const Remaining left, remaining(before, smaller));
    if (reached(goal, left)) {
      high = middle;
      best = std::move(smaller);
    } else {
      low = middle + 1;
    }
  }
  module = std::move(best);
  return {};
}

int64_t output_channels(const Module& module, const ChannelSet& set, size_t writer) {
  return module.value(set.written[writer].weight).type.shape[set.written[writer].axis].constant();
}

PassReport report_of(const Module& before, const Module& after, const Coupling& coupling, const ModuleCost& cost, const Remaining& left) {
  PassReport report;
  std::set<NodeId> seen;
  int64_t removed = 0;
  for (const ChannelSet& set : coupling.sets) {
    for (size_t i = 0; i < set.writers.size(); ++i) {
      if (!seen.insert(set.writers[i]).second) continue;
      const int64_t was = output_channels(before, set, i), is = output_channels(after, set, i);
      removed += was - is;
      if (was != is) report.channels.push_back({before.node(set.writers[i]).name, was, is});
    }
  }
  report.changed = removed > 0;
  report.numbers = {{"channels_removed", double(removed)}, {"flops_remaining", left.flops}, {"parameters_remaining", left.parameters},
                    {"flops_before", double(cost.flops)}, {"parameters_before", double(cost.parameters)}};
  if (removed == 0) {
    report.notes.push_back("no channel was removed: every chosen layer is at its smallest allowed size already, or `ratio` is too small for `round_to`");
  } else {
    report.notes.push_back(fmt::format("{} channels of {} layers removed; {:.1f} % of the FLOPs and {:.1f} % of the parameters remain", removed, report.channels.size(),
                                       100 * left.flops, 100 * left.parameters));
  }
  return report;
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  FASTC_TRY(const Coupling coupling, find_coupling(module));
  FASTC_TRY(const std::vector<size_t> sets, chosen_sets(module, coupling, options));
  FASTC_TRY(const ModuleCost cost, module_cost(module));
  const Module before = module;
  if (!sets.empty()) {
    FASTC_TRY(const std::vector<double> worth, importance_of(module, coupling, options, context));
    const prune::Limits limits{options.round_to, options.min_channels};
    if (options.goal) {
      FASTC_CHECK(remove_until(module, coupling, prune::global_steps(coupling, sets, worth, limits), *options.goal, cost));
    } else {
      FASTC_CHECK(remove_groups(module, coupling, prune::by_ratio(coupling, sets, worth, options.ratio.value_or(0.5), limits)));
    }
  } else if (options.goal) {
    return stage_error("expected channels that may go, found none in scope \"{}\"; \"all\" takes residual streams too", options.scope);
  }
  FASTC_TRY(const Remaining left, remaining(cost, module));
  return report_of(before, module, coupling, cost, left);
}

FASTC_REGISTER_PASS(prune_channel, Options,
                    ({.name = "prune.channel", .summary = "removes whole channels, with everything coupled to them",
                      .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat}),
                    options, run);

}  // namespace
}  // namespace fastc
