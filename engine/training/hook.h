// What a pass does to the weights while they are trained: a penalty on the loss, a pattern of zeros that grows, scores gathered from
// gradients. One training loop serves finetuning, distillation and these.
#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

namespace fastc {

class TrainHook {
 public:
  using Weights = std::map<std::string, at::Tensor>;  // the leaves that are trained, by the weight's name
  struct Position {
    int64_t step = 0;   // from 0
    int64_t total = 1;  // steps of the whole run
  };

  virtual ~TrainHook() = default;
  virtual std::string name() const = 0;  // with its parameters, for checkpoint keys
  // Before the first step, and before state() is asked for.
  virtual void begin(const Weights&) {}
  // Added to each batch's loss; undefined: nothing is. Gradients are recorded here, and only here.
  virtual at::Tensor penalty(const Weights&, Position) { return {}; }
  // Between backward and the optimizer's step: gradients are in .grad(), clipped.
  virtual void before_update(const Weights&, Position) {}
  // After the optimizer's step: weights may be changed in place.
  virtual void after_update(const Weights&, Position) {}
  // f32 tensors of its own that a run resumed from a checkpoint must find again; restored in place.
  virtual Weights state() { return {}; }
};

}  // namespace fastc
