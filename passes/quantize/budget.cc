#include "passes/quantize/budget.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/interrupt.h"
#include "engine/engine.h"
#include "ir/cost.h"
#include "passes/quantize/stored.h"

namespace fastc::quantize {
namespace {

struct Step {
  size_t layer = 0, to = 0;
  double error = 0, bytes = 0;  // that it adds, that it saves
};

// Less error for each byte; a step that adds none is best, and of those the one that saves most.
bool better(const Step& a, const Step& b) {
  if (a.error <= 0 && b.error <= 0) return a.bytes > b.bytes;
  return a.error * b.bytes < b.error * a.bytes;
}

Step step(std::span<const std::vector<Precision>> layers, std::span<const size_t> now, size_t layer, size_t to) {
  const Precision &from = layers[layer][now[layer]], &then = layers[layer][to];
  return {layer, to, then.error - from.error, from.bytes - then.bytes};
}

double bytes_of(const Weight& weight, bool read_as_bytes = false) { return static_cast<double>(bytes_in_file(weight, read_as_bytes)); }

Result<std::vector<Tensor>> measured_inputs(const BudgetOptions& budget, PassContext& context) {
  const Dataset* data = context.calibration();
  if (data == nullptr || data->size() == 0)
    return stage_error("a budget measures the layers' sensitivity on calibration data, found none; give the task a \"calibration\" data set");
  std::vector<int64_t> indices(static_cast<size_t>(std::min(budget.samples, data->size())));
  std::iota(indices.begin(), indices.end(), 0);
  FASTC_TRY(Batch batch, data->batch(indices));
  return std::move(batch.inputs);
}

using Layers = std::vector<std::vector<Precision>>;

Result<Layers> measured(const Module& module, std::span<const ValueId> weights, std::span<const Way> ways, std::vector<Tensor> inputs, PassContext& context) {
  FASTC_TRY(const auto change, OutputChange::prepare(module, std::move(inputs)));
  Layers layers;
  ProgressStage progress(context.progress(), "measuring sensitivity", static_cast<int64_t>(weights.size()));
  for (const ValueId id : weights) {
    if (interrupted()) return interrupted_error("measuring the sensitivity of layers");
    layers.emplace_back();
    for (const Way& way : ways) {
      if (!way.encode) {
        layers.back().push_back({bytes_of(module.weight(id)), 0});
        continue;
      }
      const Weight weight = way.encode(id);
      FASTC_TRY(const double error, change.with(id, weight));
      layers.back().push_back({bytes_of(weight, way.read_as_bytes), error});
    }
    progress.step(1, module.value(id).name);
  }
  return layers;
}

// One sentence for each weight that keeps more bits than the fewest: what fewer would do.
void explain(const Module& module, std::span<const ValueId> weights, std::span<const Way> ways, const Layers& layers, std::span<const size_t> taken, std::vector<std::string>& notes) {
  for (size_t i = 0; i < weights.size(); ++i) {
    const size_t now = taken[i];
    if (now + 1 == ways.size()) continue;
    const auto &kept = layers[i][now], &fewer = layers[i][now + 1];
    notes.push_back(fmt::format("{} keeps {}: {} would save {} bytes and change the outputs by {:.3g} % instead of {:.3g} %.", module.value(weights[i]).name, ways[now].name, ways[now + 1].name,
                                kept.bytes - fewer.bytes, 100 * std::sqrt(fewer.error), 100 * std::sqrt(kept.error)));
  }
}

std::string number_name(std::string way) {
  std::replace(way.begin(), way.end(), ' ', '_');
  return "layers_in_" + way;
}

}  // namespace

std::vector<size_t> choose_precisions(std::span<const std::vector<Precision>> layers, double budget) {
  std::vector<size_t> now(layers.size(), 0);
  double bytes = 0;
  for (const auto& layer : layers) bytes += layer.front().bytes;
  const auto take = [&](const Step& s) { now[s.layer] = s.to, bytes -= s.bytes; };
  while (bytes > budget) {
    std::optional<Step> best;
    for (size_t i = 0; i < layers.size(); ++i)
      for (size_t to = now[i] + 1; to < layers[i].size(); ++to)
        if (const Step s = step(layers, now, i, to); s.bytes > 0 && (!best || better(s, *best))) best = s;
    if (!best) break;
    take(*best);
  }
  for (;;) {  // back to more bits where the room that is left allows it, the largest error first
    std::optional<Step> best;
    for (size_t i = 0; i < layers.size(); ++i)
      for (size_t to = 0; to < now[i]; ++to)
        if (const Step s = step(layers, now, i, to); s.error < 0 && bytes - s.bytes <= budget && (!best || s.error < best->error)) best = s;
    if (!best) return now;
    take(*best);
  }
}

Result<OutputChange> OutputChange::prepare(const Module& module, std::vector<Tensor> inputs) {
  OutputChange change;
  change.module_ = &module, change.inputs_ = std::move(inputs);
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  FASTC_TRY(change.expected_, evaluator.run(change.inputs_));
  return change;
}

Result<double> OutputChange::with(ValueId id, const Weight& weight) const {
  Module changed = *module_;
  replace_weight(changed, id, weight);
  FASTC_CHECK(changed.infer_types());
  return of(changed);
}

Result<double> OutputChange::of(const Module& module) const {
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  FASTC_TRY(const std::vector<Tensor> outputs, evaluator.run(inputs_));
  double sum = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (expected_[i].dtype() != DType::kF32) continue;
    const auto y = to_doubles(outputs[i]), y0 = to_doubles(expected_[i]);
    double error = 0, size = 0;
    for (size_t j = 0; j < y.size(); ++j) error += (y[j] - y0[j]) * (y[j] - y0[j]), size += y0[j] * y0[j];
    sum += error / std::max(size, 1e-30);
  }
  return sum;
}

const OptionSet<BudgetOptions>& budget_options() {
  static const auto set = OptionSet<BudgetOptions>("How many bytes all weights may take")
                              .number("ratio", &BudgetOptions::ratio, "the share of their bytes that remains", above(0).to(1))
                              .integer("weight_bytes", &BudgetOptions::weight_bytes, "or the bytes themselves, scales included", at_least(1))
                              .integer("samples", &BudgetOptions::samples, "calibration samples on which the outputs' change is measured", at_least(1))
                              .check([](const BudgetOptions& b) -> std::string {
                                return b.ratio.has_value() == b.weight_bytes.has_value() ? "expected one of \"ratio\" and \"weight_bytes\"" : "";
                              });
  return set;
}

// Errors are squared changes of the outputs; sentences and numbers speak of their roots.
Result<std::vector<size_t>> ways_within(const Module& module, std::span<const ValueId> weights, std::span<const Way> ways, const BudgetOptions& budget, PassContext& context,
                                        PassReport& report) {
  FASTC_TRY(auto inputs, measured_inputs(budget, context));
  FASTC_TRY(const Layers layers, measured(module, weights, ways, std::move(inputs), context));
  double all = 0, error = 0;
  for (const auto& [name, weight] : module.weights) all += bytes_of(weight);
  const double limit = budget.ratio ? *budget.ratio * all : static_cast<double>(*budget.weight_bytes);
  double bytes = all;  // at first of what cannot be chosen
  for (const ValueId id : weights) bytes -= bytes_of(module.weight(id));
  const auto taken = choose_precisions(layers, limit - bytes);
  std::vector<double> count(ways.size());
  for (size_t i = 0; i < taken.size(); ++i) ++count[taken[i]], bytes += layers[i][taken[i]].bytes, error += layers[i][taken[i]].error;
  explain(module, weights, ways, layers, taken, report.notes);
  if (bytes > limit) report.notes.push_back(fmt::format("The budget of {:.0f} bytes is missed by {:.0f}: every layer has the fewest bits it may get.", limit, bytes - limit));
  for (size_t w = 0; w < ways.size(); ++w) report.numbers.emplace_back(number_name(ways[w].name), count[w]);
  report.numbers.emplace_back("weight_bytes", bytes);
  report.numbers.emplace_back("predicted_output_change", std::sqrt(error));
  return taken;
}

}  // namespace fastc::quantize
