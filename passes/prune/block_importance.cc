#include "passes/prune/block_importance.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "engine/engine.h"
#include "ir/op.h"
#include "passes/prune/loss.h"
#include "passes/prune/suffix.h"

namespace fastc::prune {
namespace {

Result<std::vector<Tensor>> first_outputs(const Module& module, std::span<const Batch> batches) {
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  std::vector<Tensor> out;
  for (const Batch& batch : batches) {
    if (interrupted()) return interrupted_error("measuring blocks");
    FASTC_TRY(const auto outputs, evaluator.run(batch.inputs));
    out.push_back(outputs.front().to_contiguous());
  }
  return out;
}

// Each unit is cut out alone, and its score is the mean over the batches of `score`.
using Score = Result<double> (*)(const Tensor& output, const Batch& batch, const Tensor& reference);
Result<std::vector<double>> cut_out(const BlockRequest& request, Score score) {
  FASTC_TRY(const auto references, first_outputs(request.module, request.batches));
  std::vector<double> out;
  ProgressStage stage(request.progress, "measuring blocks", static_cast<int64_t>(request.units.size()));
  for (const Unit& unit : request.units) {
    Module without = request.module;
    FASTC_CHECK(drop_unit(without, unit));
    FASTC_TRY(const auto outputs, first_outputs(without, request.batches));
    double sum = 0, samples = 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const auto size = static_cast<double>(request.batches[i].size);
      FASTC_TRY(const double value, score(outputs[i], request.batches[i], references[i]));
      sum += value * size, samples += size;
    }
    out.push_back(sum / std::max(samples, 1.0));
    stage.step(1, unit.name);
  }
  return out;
}

Result<std::vector<double>> by_output(const BlockRequest& request) {
  return cut_out(request, [](const Tensor& output, const Batch&, const Tensor& reference) { return relative_change(output, reference); });
}

Result<std::vector<double>> by_ablation(const BlockRequest& request) {
  return cut_out(request, [](const Tensor& output, const Batch& batch, const Tensor& reference) -> Result<double> {
    FASTC_TRY(const double with, loss_of(reference, batch.labels, reference));
    FASTC_TRY(const double without, loss_of(output, batch.labels, reference));
    return without - with;
  });
}

// Σ over vectors of 1 − cos(x, y), and how many there are. Features lie along the last axis, or along axis 1 of images.
struct Angles { double sum = 0, count = 0; };
void add_angles(const Tensor& x, const Tensor& y, Angles& angles) {
  const std::vector<double> a = to_doubles(x), b = to_doubles(y);
  const auto& shape = x.shape();
  const size_t axis = shape.size() > 3 ? 1 : shape.size() - 1;
  size_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= static_cast<size_t>(shape[i]);
  const size_t size = static_cast<size_t>(shape[axis]), block = size * inner;
  for (size_t first = 0; block > 0 && first < a.size(); first += block) {
    for (size_t k = 0; k < inner; ++k) {
      double dot = 0, aa = 0, bb = 0;
      for (size_t i = first + k; i < first + block; i += inner) dot += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
      if (aa > 0 || bb > 0) angles.sum += 1 - dot / std::sqrt(std::max(aa, 1e-30) * std::max(bb, 1e-30)), ++angles.count;
    }
  }
}

// Block influence, Men et al. 2024 ("ShortGPT"), eq. 1: 1 − E cos(x, y). One run tells all blocks.
Result<std::vector<double>> by_cosine(const BlockRequest& request) {
  std::vector<ValueId> wanted;
  for (const Unit& unit : request.units) {
    wanted.push_back(unit.blocks.front().in);
    wanted.push_back(request.module.node(unit.blocks.back().join).output());
  }
  std::vector<Angles> angles(request.units.size());
  for (const Batch& batch : request.batches) {
    if (interrupted()) return interrupted_error("measuring blocks");
    FASTC_TRY(const auto values, values_of(request.module, batch.inputs, wanted));
    for (size_t u = 0; u < angles.size(); ++u) add_angles(values[2 * u], values[2 * u + 1], angles[u]);
  }
  std::vector<double> out;
  for (const Angles& a : angles) {
    out.push_back(a.sum / std::max(a.count, 1.0));
    if (!std::isfinite(out.back())) return stage_error("expected finite activations to compare a block's input and result, found NaN or infinity");
  }
  return out;
}

constexpr BlockImportance kImportances[] = {
    {"ablation", "rise of the loss with the block cut out; without labels, squared relative change of the output", "alone it raises the loss by {:.4g}", by_ablation},
    {"cosine", "1 - cosine of its input and result (Men 2024)", "its result turns by 1 - cos = {:.4g} from its input", by_cosine},
    {"output", "relative change of the output with the block cut out", "alone it changes the output by {:.4g} of its size", by_output},
    {"taylor", "squared first-order change of the loss (Molchanov 2019)", "to first order it changes the loss by the square root of {:.4g}", block_taylor},
};

// Ids of nodes stay valid while blocks are dropped, but a block's input may be the result of one that has gone: found again by its join.
Result<bool> drop_joined(Module& module, NodeId join) {
  for (const Block& block : find_blocks(module)) {
    if (block.join != join) continue;
    FASTC_CHECK(drop_block(module, block));
    return true;
  }
  return false;
}

}  // namespace

std::span<const BlockImportance> block_importances() { return kImportances; }

Result<int64_t> drop_unit(Module& module, const Unit& unit) {
  int64_t dropped = 0;
  for (const Block& block : unit.blocks) {
    FASTC_TRY(const bool went, drop_joined(module, block.join));
    dropped += went;
  }
  return dropped;
}

}  // namespace fastc::prune
