// Which layers keep more bits, so that all weights together fit into a number of bytes and the network's outputs change as little as can be.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/module.h"
#include "passes/pass.h"

namespace fastc::quantize {

// One way to keep a layer's weight.
struct Precision {
  double bytes = 0;
  double error = 0;  // what it alone does to the outputs (OutputChange)
};

// For each layer the index of one of its precisions, which are listed with falling bytes. All begin at their first; then, until the bytes are at most
// `budget`, the step is taken that adds the least error for each byte it saves (a step may pass over a precision that is a bad bargain); at last
// what turned out not to be needed is taken back. Errors are added up: roundings of different layers are nearly independent (Dong et al. 2020,
// HAWQ-V2, eq. 4, with measured errors in the place of the Hessian's trace). Every layer's last where even that is too much.
std::vector<size_t> choose_precisions(std::span<const std::vector<Precision>> layers, double budget);

// How much the outputs change when one weight is kept in another way.
class OutputChange {
 public:
  static Result<OutputChange> prepare(const Module& module, std::vector<Tensor> inputs);
  // Σ |y − y₀|² / |y₀|² over the float outputs. `weight` has the shape of the one it takes the place of.
  Result<double> with(ValueId id, const Weight& weight) const;
  Result<double> of(const Module& module) const;

 private:
  const Module* module_ = nullptr;
  std::vector<Tensor> inputs_, expected_;
};

struct BudgetOptions {
  std::optional<double> ratio;
  std::optional<int64_t> weight_bytes;
  int64_t samples = 64;
};
const OptionSet<BudgetOptions>& budget_options();

// A way to keep a weight: "8 bits". Without `encode` the weight stays as it is.
struct Way {
  std::string name;
  std::function<Weight(ValueId)> encode;
  bool read_as_bytes = false;  // under integer arithmetic (ir/cost.h)
};

// For each weight the index of one of `ways`, the one with the most bytes first, so that all weights of the module fit into the budget. Each is encoded alone in each
// way, and the change of the outputs on calibration data measured: kStage where the task has none. The report gets how many are kept in which way, a
// sentence for each weight that keeps more than the fewest bits, and one where the budget is missed.
Result<std::vector<size_t>> ways_within(const Module& module, std::span<const ValueId> weights, std::span<const Way> ways, const BudgetOptions& budget, PassContext& context,
                                        PassReport& report);

}  // namespace fastc::quantize
