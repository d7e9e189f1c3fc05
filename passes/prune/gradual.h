// Zeros that grow while the network trains, so that the rest can make up for what goes.
//
// Zhu and Gupta 2017 ("To prune, or not to prune"), eq. 1, from no zeros to the share s: at the part τ of the way from `begin` to `end`
//   s(τ) = s · (1 − (1 − τ)³)
// the smallest of the weights go, every `every` steps; afterwards the zeros stay and training goes on.
// Movement (Sanh, Wolf, Rush 2020, eq. 5-6): not the smallest go but those that training moves towards zero, by S = −Σ ∂L/∂w · w over
// all steps. What went keeps its last value aside and comes back with it when its score rises again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/train.h"
#include "passes/prune/pattern.h"

namespace fastc::prune {

struct Gradual {
  Pattern pattern;
  std::vector<std::string> weights;
  std::vector<double> shares;  // of the units, at the end: one for all weights together, or one each
  bool movement = false;
  double begin = 0, end = 0.6;  // as shares of the run
  int64_t every = 16;           // steps between two looks
};

// The share of the final zeros that is reached at a step of a run of `total`; 0 before it begins.
double share_of_end(const Gradual& plan, int64_t step, int64_t total);
std::shared_ptr<TrainHook> gradual_pruning(Gradual plan);

}  // namespace fastc::prune
