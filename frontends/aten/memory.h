// Which tensors of a model share memory, and what a write in place makes of them: PyTorch's tensors, as values that never change.
//
// Memory is a value of the module and a version. A tensor of the model (a cell) is some memory and the steps that lead to it from there:
// slices, reshapes, permutations. A write turns the steps around, so that the memory gets a new value; who reads another tensor of it
// later takes the steps again, from that value.
//
//   m = zeros(4, 4)                memory 0: zeros_1           cell 0: memory 0
//   v = m[1:3]                                                 cell 1: memory 0, slice {axis=0, start=1, end=3}
//   v.fill_(5)                     memory 0: concat(m[0:1], full 5, m[3:4])
//
// Where only strides would tell whether a result shares memory (reshape, contiguous), it gets memory of its own that is akin to the
// operand's: after a write to one, reading the other is an error.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "frontends/aten/lowering.h"

namespace fastc::aten {

class Memory {
 public:
  explicit Memory(Lowering& lowering) : lowering_(lowering) {}
  // What the call gives: its operands are read as they are now, and what it writes and which of its results are views is kept.
  Result<ArgList> run(Call call);
  // The tensors in it as they are now.
  Status refresh(Arg& arg);
  bool same(const TensorArg& a, const TensorArg& b) { return cell_of(a) == cell_of(b); }  // one tensor, to Python's `is`
  // Memory of its own for a tensor that the program makes anew whenever it comes by.
  TensorArg own(TensorArg t);

 private:
  struct Step {
    std::string op;
    Attrs attrs;
  };
  struct Storage {
    ValueId value;
    int64_t version = 0;
    size_t kin;           // storages that may be the same memory have one number
    bool weight = false;  // the model's own, which must be the same at the next call
    bool dense = false;   // made contiguous, so that a reshape shares it
    std::string stale;    // where one that may be the same was written
  };
  struct Cell {
    size_t storage;
    std::vector<Step> steps;
    ValueId value;
    int64_t version;
  };

  int32_t cell_of(const TensorArg& t);
  int32_t add_cell(ValueId value, bool weight);
  std::optional<std::vector<Step>> steps_between(ValueId from, ValueId to) const;
  Result<TensorArg> take(const Step& step, const TensorArg& from);
  Result<TensorArg> turn_around(const Step& step, const TensorArg& whole, const TensorArg& part);
  // The results as tensors of the model: views, kin or new ones.
  void place(const Call& call, Arg& result);
  void place(const Call& call, TensorArg& result);
  bool is_view(const Call& call, const Cell& of, const std::vector<Step>& steps) const;
  Result<ArgList> write(const Call& call, const TensorArg& target, const Arg& result);
  Status write(Cell& cell, const TensorArg& value, const std::string& where);

  Lowering& lowering_;
  std::vector<Storage> storages_;
  std::vector<Cell> cells_;
  std::map<ValueId, int32_t> held_;  // cells of the model's weights and inputs
};

}  // namespace fastc::aten
