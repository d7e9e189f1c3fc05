// shapley: the Shapley value of each channel in the game its layer plays (Ancona et al. 2020, "Shapley Value as Principled Metric for
// Structured Network Pruning"): the mean, over all orders in which the layer's channels can be removed, of how much further the output
// moves when this one goes:
//
//   worth(c) = E_order [ d(without those before c, and c) − d(without those before c) ],   d = ‖y − y₀‖ / ‖y₀‖
//
// d and not the cross entropy: that falls again once a network is broken beyond repair, so that the sign of a late contribution is chance and
// its size the channel's importance, and of few orders the lowest means belong to the channels that matter most. d needs no labels either.
//
// Estimated from random orders (Castro et al. 2009), each played on its own batch. d grows ever more slowly, so a channel that stands early in its
// order gets more: every second order is the one before it, reversed (antithetic sampling, Mitchell et al. 2022, "Sampling Permutations for
// Shapley Value Estimation", section 3), and the standard error is that of the means of such pairs. Unlike
// taylor it sees that two channels which do the same are each worth something only while the other is gone.
//
// Cost: permutations × channels runs of the network behind the layer, on `batch_size` samples.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "base/interrupt.h"
#include "engine/engine.h"
#include "passes/prune/importance/samples.h"
#include "passes/prune/loss.h"
#include "passes/prune/suffix.h"

namespace fastc::prune {
namespace {

// The network with every place of a set multiplied by a mask of its own, which is an input.
struct Masked {
  Module module;
  std::vector<ValueId> masks;   // of places, in order
  std::vector<Tensor> ones;
};

Result<Masked> with_masks(const Module& module, const std::vector<Place>& places) {
  Masked out{module, {}, {}};
  for (const Place& place : places) {
    const Type type = out.module.value(place.value).type;
    std::vector<int64_t> shape(static_cast<size_t>(type.rank()), 1);
    shape[static_cast<size_t>(place.axis)] = type.shape[static_cast<size_t>(place.axis)].constant();
    const std::string& name = module.value(place.value).name;
    const ValueId mask = out.module.add_input(out.module.fresh_name(name + ".mask"), Type{DType::kF32, Shape(shape.begin(), shape.end()), {}});
    const std::vector<NodeId> users = out.module.uses()[static_cast<size_t>(place.value)];
    FASTC_TRY(const NodeId product, out.module.add_node("mul", out.module.fresh_name(name + ".masked"), {place.value, mask}, {}, {}, users.front()));
    out.module.replace_uses(place.value, out.module.node(product).output());
    out.module.node(product).inputs[0] = place.value;
    out.masks.push_back(mask);
    Tensor ones = Tensor::zeros(DType::kF32, shape);
    for (float& one : ones.mutable_values<float>()) one = 1;
    out.ones.push_back(std::move(ones));
  }
  return out;
}

// The game of one set on one batch: how far the output moves while channels go one after the other.
class Game {
 public:
  Game(const Masked& masked, const Suffix& suffix, const Evaluator& evaluator, const Batch& batch)
      : masked_(masked), suffix_(suffix), evaluator_(evaluator), batch_(batch) {}

  Status open() {
    std::vector<Tensor> inputs = batch_.inputs;
    inputs.insert(inputs.end(), masked_.ones.begin(), masked_.ones.end());
    FASTC_TRY(values_, values_of(masked_.module, inputs, suffix_.frontier));
    FASTC_TRY(auto outputs, evaluator_.run(values_));
    reference_ = outputs.front();
    return {};
  }
  void remove(const Group& group, const std::vector<Place>& places) {
    for (size_t p = 0; p < places.size(); ++p) {
      const auto mask = values_[p].mutable_values<float>();
      for (const int64_t index : indices_at(group, places[p])) mask[static_cast<size_t>(index)] = 0;
    }
  }
  Result<double> change() const {
    FASTC_TRY(const auto outputs, evaluator_.run(values_));
    return relative_change(outputs.front(), reference_);
  }

 private:
  const Masked& masked_;
  const Suffix& suffix_;
  const Evaluator& evaluator_;
  const Batch& batch_;
  std::vector<Tensor> values_;
  Tensor reference_;
};

// Running mean and variance (Welford) of what a group adds, a pair of orders at a time.
struct Estimate {
  double count = 0, mean = 0, squares = 0;
  void add(double x) {
    ++count;
    const double off = x - mean;
    mean += off / count;
    squares += off * (x - mean);
  }
  double error() const { return count < 2 ? 0 : std::sqrt(squares / (count - 1) / count); }
};

// What each of the set's groups adds when they go in this order.
Result<std::vector<double>> added_by(const Request& request, const ChannelSet& set, const std::vector<Place>& places, Game& game, const std::vector<size_t>& order) {
  FASTC_CHECK(game.open());
  std::vector<double> added(order.size());
  double before = 0;
  for (const size_t player : order) {
    if (interrupted()) return interrupted_error("sampling Shapley values");
    game.remove(request.coupling.groups[set.groups[player]], places);
    FASTC_TRY(const double after, game.change());
    added[player] = after - before;
    before = after;
  }
  return added;
}

Status play(const Request& request, size_t index, const std::vector<Batch>& batches, Worth& worth, ProgressStage& progress) {
  const ChannelSet& set = request.coupling.sets[index];
  const std::vector<Place> places = places_of(request.module, request.coupling, set);
  if (places.empty()) return {};
  FASTC_TRY(const Masked masked, with_masks(request.module, places));
  const Suffix suffix = suffix_behind(masked.module, masked.masks);
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(suffix.module));
  std::vector<Estimate> estimates(set.groups.size());
  for (size_t p = 0; p < batches.size(); p += 2) {
    std::vector<size_t> order(set.groups.size());
    std::iota(order.begin(), order.end(), size_t{0});
    Random random(seed_for(seed_for(request.seed, "order"), index * batches.size() + p));
    random.shuffle(std::span(order));
    std::vector<double> sum(order.size());
    const size_t end = std::min(p + 2, batches.size());
    for (size_t b = p; b < end; ++b) {
      Game game(masked, suffix, evaluator, batches[b]);
      FASTC_TRY(const std::vector<double> added, added_by(request, set, places, game, order));
      for (size_t g = 0; g < sum.size(); ++g) sum[g] += added[g];
      std::reverse(order.begin(), order.end());
      progress.step(static_cast<int64_t>(order.size()));
    }
    for (size_t g = 0; g < sum.size(); ++g) estimates[g].add(sum[g] / static_cast<double>(end - p));
  }
  for (size_t g = 0; g < set.groups.size(); ++g) worth.values[set.groups[g]] = estimates[g].mean, worth.errors[set.groups[g]] = estimates[g].error();
  return {};
}

Result<Worth> shapley(const Request& request) {
  FASTC_TRY(const auto drawn, drawn_batches(*request.data, request.permutations * request.batch_size, request.batch_size, request.seed));
  std::vector<Batch> batches;
  for (int64_t p = 0; p < request.permutations; ++p) {  // little data is played on again
    FASTC_TRY(Batch batch, request.data->batch(drawn[static_cast<size_t>(p) % drawn.size()]));
    batches.push_back(std::move(batch));
  }
  const size_t groups = request.coupling.groups.size();
  Worth worth{std::vector<double>(groups), std::vector<double>(groups)};
  int64_t runs = 0;
  for (const size_t set : request.sets) runs += request.permutations * static_cast<int64_t>(request.coupling.sets[set].groups.size());
  ProgressStage progress(request.progress, "Shapley values", runs);
  for (const size_t set : request.sets) FASTC_CHECK(play(request, set, batches, worth, progress));
  return worth;
}

const RegisterImportance registered{{.name = "shapley", .summary = "mean further change of the output over random orders of removal, with its error (Ancona 2020)",
                                     .needs_data = true, .normalize = Normalize::kNone, .measure = shapley}};

}  // namespace
}  // namespace fastc::prune
