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
// Which channels: the least important (passes/prune/importance/, one file each with formula and paper).
// `ratio` takes the same share of every layer. `goal` takes the cheapest channels of all layers, ranked together (`normalize` makes
// their worths comparable, passes/prune/plan.h), until the cost has come down; the shortest such list is found by bisection.
// Before: `group_lasso` trains under a penalty that gathers what matters in few channels. `iterations` takes the channels in several
// equal portions, with `train` between them, so that the network never has to recover from much at once (Molchanov et al. 2017).
//
// `round_to` 8: kernels compute channels in vectors of 8 or 16, so that 13 channels cost what 16 do.
// `scope` "inner": channels inside residual blocks only. The residual stream is summed over many layers, so that no single
// layer's importance speaks for it, and in practice losing its channels costs most ("all" takes them too).
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/random.h"
#include "ir/coupling.h"
#include "passes/pass.h"
#include "passes/prune/goal.h"
#include "passes/prune/group_lasso.h"
#include "passes/prune/importance/importance.h"
#include "passes/prune/plan.h"
#include "passes/prune/selection.h"
#include "passes/train/training.h"

namespace fastc {
namespace {

struct Between : TrainOptions {
  Between() { epochs = 1; }
};
struct Lasso : TrainOptions {
  double strength = 1e-4;
};

struct Options {
  std::optional<double> ratio;
  std::optional<prune::Goal> goal;
  std::string importance = "l1", normalize = "auto";
  std::string scope = "inner";
  std::vector<std::string> include{"*"}, exclude;
  int64_t round_to = 8, min_channels = 1, samples = 512, batch_size = 32, permutations = 4, iterations = 1;
  std::optional<Between> train;
  std::optional<Lasso> group_lasso;
};

template <typename T>
OptionSet<T> with_training(OptionSet<T> set) {
  add_train_options(set);
  return set;
}
const OptionSet<Between>& between_options() {
  static const auto set = with_training(OptionSet<Between>("Training between two portions"));
  return set;
}
const OptionSet<Lasso>& lasso_options() {
  static const auto set =
      with_training(OptionSet<Lasso>("Training under a group lasso").number("strength", &Lasso::strength, "factor on the sum of the groups' norms, added to the loss", above(0)));
  return set;
}

std::vector<std::string> importance_names() {
  std::vector<std::string> names;
  for (const prune::Importance* importance : prune::all_importances()) names.emplace_back(importance->name);
  return names;
}
std::string importance_help() {
  std::string help = "how a channel's worth is measured";
  for (const prune::Importance* importance : prune::all_importances()) help += fmt::format("; {}: {}{}", importance->name, importance->summary, importance->needs_data ? ", on data" : "");
  return help;
}

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Removes whole channels and everything coupled with them")
          .number("ratio", &Options::ratio, "share of every layer's channels that goes; 0.5 where neither it nor `goal` is given", range(0, 1))
          .object("goal", &Options::goal, prune::goal_options(), "what remains of the whole network, in place of `ratio`")
          .choice("importance", &Options::importance, importance_names(), importance_help())
          .choice("normalize", &Options::normalize, {"auto", "none", "mean", "max", "norm", "lamp", "rank"},
                  "goal: how worths of different layers compare; rank: every layer loses the same share; auto: what suits the importance")
          .choice("scope", &Options::scope, {"inner", "all"}, "inner: channels inside residual blocks only; all: the residual stream too")
          .texts("include", &Options::include, "which nodes' output channels may go (globs on names, or op:conv)")
          .texts("exclude", &Options::exclude, "which must stay")
          .integer("round_to", &Options::round_to, "channels that stay are a multiple of this", range(1, 4096))
          .integer("min_channels", &Options::min_channels, "at least this many channels stay in every layer", range(1, 1 << 20))
          .integer("samples", &Options::samples, "importances on data: how many samples are looked at", range(1, 1 << 20))
          .integer("batch_size", &Options::batch_size, "importances on data: samples at a time (taylor: a gradient is summed over; shapley: an order is played on)", range(1, 4096))
          .integer("permutations", &Options::permutations, "shapley: random orders of removal for each layer", range(1, 1 << 16))
          .integer("iterations", &Options::iterations, "in how many portions the channels go", range(1, 1000))
          .object("train", &Options::train, between_options(), "training between two portions (1 epoch where `iterations` is above 1)")
          .object("group_lasso", &Options::group_lasso, lasso_options(), "training before the first portion, under a penalty on each group of coupled weights")
          .check([](const Options& o) {
            if (o.ratio && o.goal) return "expected \"ratio\" or \"goal\", found both";
            if (o.train && o.iterations == 1) return "iterations: expected more than 1 with \"train\", which is what happens between two of them, found 1";
            return "";
          });
  return set;
}

// One run of the pass: what it began with, and what it found.
class Pruning {
 public:
  Pruning(const Module& original, const Options& options, PassContext& context) : original_(original), options_(options), context_(context) {}

  Result<PassReport> run(Module& module) {
    FASTC_TRY(coupling_, find_coupling(original_));
    FASTC_TRY(const std::vector<size_t> sets, prune::chosen_sets(original_, coupling_, selection()));
    if (sets.empty() && options_.goal) return stage_error("expected channels that may go, found none in scope \"{}\"; \"all\" takes residual streams too", options_.scope);
    FASTC_TRY(prune::Meter meter, prune::Meter::start(original_, options_.goal.value_or(prune::Goal{}), context_));
    prune::Remaining left;
    Module smaller = module;
    if (!sets.empty() && options_.group_lasso) FASTC_CHECK(train_with_lasso(smaller, sets));
    for (int64_t portion = 1; portion <= options_.iterations && !sets.empty(); ++portion) {
      FASTC_TRY(left, remove_portion(smaller, portion, meter));
      if (portion < options_.iterations) FASTC_CHECK(train_between(smaller, portion));
    }
    finish(smaller, left, meter);
    module = std::move(smaller);
    return std::move(report_);
  }

 private:
  Status train_with_lasso(Module& module, const std::vector<size_t>& sets) {
    const auto hook = prune::group_lasso(module, coupling_, sets, options_.group_lasso->strength);
    return train_now(module, *options_.group_lasso, "group lasso", hook.get());
  }
  Status train_between(Module& module, int64_t portion) {
    return train_now(module, options_.train.value_or(Between{}), fmt::format("training after portion {}", portion), nullptr);
  }
  Status train_now(Module& module, const TrainOptions& how, const std::string& what, TrainHook* hook) {
    FASTC_TRY(const Dataset* data, data_to_train_on(context_, "prune.channel"));
    TrainContext training = train_context(context_, what, what + "/");
    training.seed = seed_for(context_.seed(), what);
    training.hook = hook;
    if (!training.checkpoint_folder.empty()) training.checkpoint_folder += "/" + what;
    FASTC_TRY(const TaskTraining trained, train_for_task(module, *data, how, context_, training));
    for (const EpochRow& row : trained.report.curve) report_.curves.push_back({what + "/loss", static_cast<double>(row.epoch), row.loss});
    report_.changed = report_.changed || trained.report.steps > 0;
    return {};
  }

  Result<std::vector<double>> worth_of(const Module& module, const Coupling& coupling, const std::vector<size_t>& sets) {
    const prune::Importance& importance = *prune::find_importance(options_.importance);
    const Dataset* data = context_.training_data() ? context_.training_data() : context_.calibration();
    if (importance.needs_data && data == nullptr) {
      return usage_error("expected training or calibration data in the task for \"importance\": \"{}\", found none; name one, or use \"l1\"", importance.name);
    }
    const prune::Request request{module, coupling, sets, data, options_.samples, options_.batch_size, options_.permutations, context_.seed(), context_.progress()};
    FASTC_TRY(prune::Worth worth, importance.measure(request));
    tell_errors(coupling, sets, worth);
    return std::move(worth.values);
  }

  void tell_errors(const Coupling& coupling, const std::vector<size_t>& sets, const prune::Worth& worth) {
    if (worth.errors.empty()) return;
    double size = 0, error = 0, count = 0;
    for (const size_t set : sets) {
      for (const size_t group : coupling.sets[set].groups) size += std::abs(worth.values[group]), error += worth.errors[group], ++count;
    }
    report_.numbers.emplace_back("importance_mean", size / count);
    report_.numbers.emplace_back("importance_standard_error", error / count);
    report_.notes.push_back(fmt::format("{} was estimated from {} orders of each layer's channels: mean |worth| {:.3g}, mean standard error {:.3g}", options_.importance,
                                        options_.permutations, size / count, error / count));
  }

  // Removes what is missing to the `portion`th part of the whole.
  Result<prune::Remaining> remove_portion(Module& module, int64_t portion, prune::Meter& meter) {
    const double share = static_cast<double>(portion) / static_cast<double>(options_.iterations);
    FASTC_TRY(const Coupling coupling, find_coupling(module));
    FASTC_TRY(const std::vector<size_t> sets, prune::chosen_sets(module, coupling, selection()));
    FASTC_TRY(const std::vector<double> worth, worth_of(module, coupling, sets));
    const prune::Limits limits{options_.round_to, options_.min_channels};
    if (options_.goal) return remove_to_goal(module, coupling, prune::global_steps(coupling, sets, worth, normalize(), limits), share, meter);
    const double ratio = options_.ratio.value_or(0.5) * share;
    FASTC_CHECK(remove_groups(module, coupling, prune::by_ratio(coupling, sets, original_sizes(module, coupling, sets), worth, ratio, limits)));
    return meter.remaining(module);
  }

  prune::Selection selection() const { return {options_.include, options_.exclude, options_.scope == "inner"}; }

  prune::Normalize normalize() const {
    return options_.normalize == "auto" ? prune::find_importance(options_.importance)->normalize : *prune::parse_normalize(options_.normalize);
  }

  std::vector<int64_t> original_sizes(const Module& module, const Coupling& coupling, const std::vector<size_t>& sets) const {
    std::map<size_t, std::string> names;
    for (const auto& [name, set] : prune::sets_by_name(module, coupling)) names[set] = name;
    const auto originals = prune::sets_by_name(original_, coupling_);
    std::vector<int64_t> sizes;
    for (const size_t set : sets) sizes.push_back(static_cast<int64_t>(coupling_.sets[originals.at(names[set])].groups.size()));
    return sizes;
  }

  Result<prune::Remaining> remove_to_goal(Module& module, const Coupling& coupling, const std::vector<std::vector<size_t>>& steps, double share, prune::Meter& meter) {
    const auto without = [&](size_t count) -> Result<Module> {
      Module smaller = module;
      std::vector<size_t> groups;
      for (size_t i = 0; i < count; ++i) groups.insert(groups.end(), steps[i].begin(), steps[i].end());
      FASTC_CHECK(remove_groups(smaller, coupling, groups));
      return smaller;
    };
    std::optional<prune::Found> found;
    const auto search = [&]() -> Result<std::string> {
      FASTC_TRY(found, prune::smallest_removal(steps.size(), without, meter, share, "`include`, `scope`, `round_to` and `min_channels`"));
      return std::to_string(found->index);
    };
    if (!options_.goal->latency) {
      FASTC_CHECK(search());
    } else {
      FASTC_TRY(const std::string count, context_.decide(fmt::format("steps to {:.4f} of the way", share), search));
      if (!found) {  // repeated from an earlier run: nothing is measured
        FASTC_TRY(const size_t index, step_count(count, steps.size()));
        FASTC_TRY(Module smaller, without(index));
        found = prune::Found{index, std::move(smaller), {}};
        FASTC_TRY(found->left, meter.counted(found->module));
      }
    }
    module = std::move(found->module);
    return found->left;
  }

  static Result<size_t> step_count(const std::string& text, size_t most) {
    const bool digits = !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
    if (digits && std::stoul(text) <= most) return std::stoul(text);
    return usage_error("expected a number of steps from 0 to {} to repeat, found \"{}\"; these decisions belong to another recipe", most, text);
  }

  void finish(const Module& after, const prune::Remaining& left, const prune::Meter& meter) {
    std::set<NodeId> seen;
    int64_t removed = 0;
    const auto channels = [](const Module& module, const WeightAxis& at) { return module.value(at.weight).type.shape[static_cast<size_t>(at.axis)].constant(); };
    for (const ChannelSet& set : coupling_.sets) {
      for (size_t i = 0; i < set.writers.size(); ++i) {
        if (!seen.insert(set.writers[i]).second) continue;
        const int64_t was = channels(original_, set.written[i]), is = channels(after, set.written[i]);
        removed += was - is;
        if (was != is) report_.channels.push_back({original_.node(set.writers[i]).name, was, is});
      }
    }
    report_.changed = report_.changed || removed > 0;
    report_.numbers.insert(report_.numbers.end(), {{"channels_removed", double(removed)}, {"flops_remaining", left.flops}, {"parameters_remaining", left.parameters},
                                                   {"flops_before", meter.flops()}, {"parameters_before", meter.parameters()}, {"size_remaining", left.size}});
    if (left.latency) report_.numbers.emplace_back("latency_remaining", *left.latency);
    if (removed == 0) {
      report_.notes.insert(report_.notes.begin(), "no channel was removed: every chosen layer is at its smallest allowed size already, or `ratio` is too small for `round_to`");
    } else {
      report_.notes.insert(report_.notes.begin(), fmt::format("{} channels of {} layers removed; {:.1f} % of the FLOPs and {:.1f} % of the parameters remain", removed,
                                                              report_.channels.size(), 100 * left.flops, 100 * left.parameters));
    }
  }

  const Module& original_;
  const Options& options_;
  PassContext& context_;
  Coupling coupling_;  // of the original
  PassReport report_;
};

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  const Module original = module;
  return Pruning(original, options, context).run(module);
}

FASTC_REGISTER_PASS(prune_channel, Options,
                    ({.name = "prune.channel", .summary = "removes whole channels, with everything coupled to them",
                      .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat}),
                    options, run);

}  // namespace
}  // namespace fastc
