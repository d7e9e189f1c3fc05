// Which layers keep more bits, so that all weights together fit into a number of bytes and the network's outputs change as little as can be.
#pragma once

#include <span>
#include <vector>

#include "ir/module.h"

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

}  // namespace fastc::quantize
