// prune.structural: drops whole residual blocks, those that change the network's output least.
//
//   before   %f = conv(%r, …)  %g = conv(%f, …)          after   %o = relu(%r)
//            %sum = add(%g, %r)  %o = relu(%sum)
//
// Legal where the block's input and result have one type and nothing else reads what its branch computes. Residual networks
// survive it because each block only refines its input (Veit et al. 2016, "Residual Networks Behave Like Ensembles"); for
// transformers Men et al. 2024 ("ShortGPT") do the same with layers.
//
// Measured, not guessed: each block is dropped alone, and the relative change ‖y' − y‖ / ‖y‖ of the first output over calibration samples
// is its importance. `iterative` measures again after every drop. Train afterwards.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/engine.h"
#include "ir/cost.h"
#include "ir/rewrite.h"
#include "passes/pass.h"
#include "passes/prune/blocks.h"

namespace fastc {
namespace {

struct Options {
  std::optional<int64_t> count;
  std::optional<double> ratio;
  bool iterative = false;
  int64_t samples = 64;
  std::vector<std::string> include{"*"}, exclude;
};

const OptionSet<Options>& options() {
  static const auto set = OptionSet<Options>("Drops whole residual blocks that change the output least")
                              .integer("count", &Options::count, "how many blocks go; 1 where neither it nor `ratio` is given", range(0, 1 << 20))
                              .number("ratio", &Options::ratio, "share of the blocks that goes (rounded down)", range(0, 1))
                              .flag("iterative", &Options::iterative, "measure all blocks again after each drop")
                              .integer("samples", &Options::samples, "calibration samples the change is measured on", range(1, 1 << 20))
                              .texts("include", &Options::include, "which blocks, by the name of the node that joins them (globs)")
                              .texts("exclude", &Options::exclude, "which must stay")
                              .check([](const Options& o) { return o.count && o.ratio ? "expected \"count\" or \"ratio\", found both" : ""; });
  return set;
}

Result<Tensor> first_output(const Module& module, std::span<const Tensor> inputs) {
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  FASTC_TRY(auto outputs, evaluator.run(inputs));
  return outputs.front().to_contiguous();
}

Result<double> relative_change(const Tensor& reference, const Tensor& found) {
  const auto a = to_doubles(reference), b = to_doubles(found);
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  const double change = std::sqrt(difference / std::max(size, 1e-30));
  if (!std::isfinite(change)) return stage_error("expected finite outputs to measure a dropped block by, found NaN or infinity");
  return change;
}

struct Scored { prune::Block block; double change; };

Result<std::vector<prune::Block>> chosen_blocks(const Module& module, const Options& options) {
  auto blocks = prune::find_blocks(module);
  if (blocks.empty()) return blocks;
  std::vector<NodeId> joins;
  for (const auto& block : blocks) joins.push_back(block.join);
  FASTC_TRY(const auto selected, select_nodes(module, joins, options.include, options.exclude, "the node that joins a residual block"));
  std::erase_if(blocks, [&](const prune::Block& block) { return std::find(selected.begin(), selected.end(), block.join) == selected.end(); });
  return blocks;
}

Result<std::vector<Scored>> measure_blocks(const Module& module, const std::vector<prune::Block>& blocks, std::span<const Tensor> inputs, const Tensor& reference,
                                           Progress& progress) {
  std::vector<Scored> out;
  ProgressStage stage(progress, "measuring blocks", static_cast<int64_t>(blocks.size()));
  for (const auto& block : blocks) {
    Module without = module;
    FASTC_CHECK(prune::drop_block(without, block));
    FASTC_TRY(const Tensor output, first_output(without, inputs));
    FASTC_TRY(const double change, relative_change(reference, output));
    out.push_back({block, change});
    stage.step(1, block.name);
  }
  std::stable_sort(out.begin(), out.end(), [](const Scored& a, const Scored& b) { return a.change < b.change; });
  return out;
}

// Ids of nodes stay valid while blocks are dropped, but a block's input may be the result of one that has gone: found again by
// its join. False when the block went with one around it.
Result<bool> drop(Module& module, NodeId join) {
  for (const auto& block : prune::find_blocks(module)) {
    if (block.join != join) continue;
    FASTC_CHECK(prune::drop_block(module, block));
    return true;
  }
  return false;
}

// Drops up to `wanted` blocks, the least important first; how many went.
Result<int64_t> drop_least(Module& module, std::vector<Scored> scored, int64_t wanted, bool iterative, std::span<const Tensor> inputs, const Tensor& reference,
                           PassReport& report, Progress& progress) {
  int64_t dropped = 0;
  while (dropped < wanted && !scored.empty()) {
    const Scored chosen = scored.front();
    scored.erase(scored.begin());
    FASTC_TRY(const bool went, drop(module, chosen.block.join));
    if (!went) continue;
    ++dropped;
    report.notes.push_back(fmt::format("dropped {}: alone it changes the output by {:.4f} of its size", chosen.block.name, chosen.change));
    if (!iterative || dropped == wanted) continue;
    std::vector<prune::Block> left;
    for (auto& block : prune::find_blocks(module)) {
      const auto same = [&](const Scored& other) { return other.block.join == block.join; };
      if (std::any_of(scored.begin(), scored.end(), same)) left.push_back(std::move(block));
    }
    FASTC_TRY(scored, measure_blocks(module, left, inputs, reference, progress));
  }
  return dropped;
}

Result<PassReport> run(Module& module, const Options& options, PassContext& context) {
  FASTC_TRY(const auto blocks, chosen_blocks(module, options));
  PassReport report;
  const int64_t all = static_cast<int64_t>(blocks.size());
  const int64_t wanted = options.count ? *options.count : options.ratio ? static_cast<int64_t>(std::floor(*options.ratio * double(all))) : 1;
  if (wanted > all) return usage_error("expected at most {} blocks to drop, found \"count\": {}", all, wanted);
  if (wanted == 0) {
    report.notes.push_back(all == 0 ? "no block was dropped: the network has no residual block whose input and result have one type" : "no block was dropped: count or ratio asks for none");
    return report;
  }
  const Dataset* data = context.calibration();
  if (data == nullptr || data->size() == 0) return usage_error("expected calibration data in the task to measure blocks on, found none");
  std::vector<int64_t> indices(static_cast<size_t>(std::min(options.samples, data->size())));
  std::iota(indices.begin(), indices.end(), 0);
  FASTC_TRY(const Batch batch, data->batch(indices));
  FASTC_TRY(const Tensor reference, first_output(module, batch.inputs));
  FASTC_TRY(const ModuleCost cost, module_cost(module));
  Module smaller = module;
  FASTC_TRY(std::vector<Scored> scored, measure_blocks(smaller, blocks, batch.inputs, reference, context.progress()));
  FASTC_TRY(const int64_t dropped, drop_least(smaller, std::move(scored), wanted, options.iterative, batch.inputs, reference, report, context.progress()));
  FASTC_CHECK(verify(smaller));
  FASTC_TRY(const Tensor output, first_output(smaller, batch.inputs));
  FASTC_TRY(const double change, relative_change(reference, output));
  FASTC_TRY(const ModuleCost now, module_cost(smaller));
  module = std::move(smaller);
  report.changed = true;
  report.numbers = {{"blocks_dropped", double(dropped)}, {"output_change", change}, {"flops_remaining", double(now.flops) / double(std::max<int64_t>(cost.flops, 1))}};
  return report;
}

FASTC_REGISTER_PASS(prune_structural, Options,
                    ({.name = "prune.structural", .summary = "drops whole residual blocks that change the output least",
                      .needs = ProgramState::kFloat, .leaves = ProgramState::kFloat, .needs_calibration = true}),
                    options, run);

}  // namespace
}  // namespace fastc
