// A program bound to memory and threads. Everything is placed when it opens, for the largest shape; run() then only walks.
#pragma once

#include <memory>
#include <vector>

#include "model.h"
#include "op.h"
#include "threads.h"

namespace fastc::rt {

class Session {
 public:
  static std::unique_ptr<Session> open(const Model& model, std::span<const fastc_rt_tensor> max_inputs, int32_t threads, Error& error);

  bool run(std::span<const fastc_rt_tensor> inputs, std::span<fastc_rt_tensor> outputs, Error& error);
  // Binds the inputs' shapes: after it, shapes of all values are those of such a run.
  bool reshape(std::span<const fastc_rt_tensor> inputs, Error& error);
  // One op alone, on operands whose shapes are those of the shapes bound last.
  bool run_op(uint32_t index, std::span<const fastc_rt_tensor> operands, fastc_rt_tensor& output, Error& error);

  const Model& model() const { return model_; }
  const Tensor& output(size_t index) const { return tensors_[model_.program().outputs[index]]; }
  uint64_t bytes() const { return arena_.bytes() + workspace_.bytes() + scratch_.bytes(); }
  void profile(bool on) { profiling_ = on; }
  const char* isa_of(uint32_t op) const { return ops_[op]->isa(); }
  double seconds_of(uint32_t op) const { return seconds_[op]; }

 private:
  explicit Session(const Model& model) : model_(model) {}
  bool place(Error& error);                 // shapes → buffers → data pointers
  bool build_ops(Error& error);
  bool prepare_ops(bool opening, Error& error);
  bool shapes_from(const int64_t* symbols, Error& error);
  bool run_steps(const Op& op);
  bool run_ops(Error& error);
  bool check_capacity(Error& error) const;

  const Model& model_;
  int64_t symbols_[kMaxSymbols] = {};
  bool ready_ = false;                      // every op is prepared for symbols_
  std::vector<Tensor> tensors_;             // one a value
  std::vector<uint64_t> buffer_bytes_;      // by buffer number
  std::vector<std::unique_ptr<Op>> ops_;
  std::vector<Tensor*> operands_;           // like Program::operands, as pointers
  std::vector<double> seconds_;
  bool profiling_ = false;
  Block arena_, workspace_, scratch_;
  uint64_t scratch_each_ = 0;
  ThreadPool pool_;
};

}  // namespace fastc::rt
