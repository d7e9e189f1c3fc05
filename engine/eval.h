// How one op is evaluated. Each op of ir/ops has one evaluation, in the file of engine/ops called as its family's; a test
// lists the ops that have none. Evaluating is split in two: prepare() reads attributes and types once, and returns the function
// that each run calls.
//
//   Result<Evaluate> softmax(const Site& site) {
//     const int64_t axis = site.node.integer("axis");
//     return [axis](Call& call) { call.set(at::softmax(call.in(0), axis)); };
//   }
//   const RegisterEval registered{"softmax", softmax};
//
// Evaluations may throw what LibTorch throws; Plan turns it into an error that names the node.
#pragma once

#include <exception>
#include <functional>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/autograd.h"
#include "ir/op.h"

namespace fastc::engine {

// A node as prepare() sees it.
struct Site {
  const Module& module;
  const Node& node;
  Mode mode;

  bool has(size_t i) const { return node.input(i) != kNoId; }
  const Type& in(size_t i) const { return module.value(node.inputs[i]).type; }
  const Type& out(size_t i = 0) const { return module.value(node.outputs[i]).type; }
  bool is_weight(size_t i) const { return has(i) && module.is_weight(node.inputs[i]); }
  const Weight& weight(size_t i) const { return module.weight(node.inputs[i]); }
  // u8 operand with parameters: the node is evaluated on integers, exactly. Training evaluates it on floats, which Plan rounds alike
  // (engine/fake_quantize.h), and encoded weights come as floats too.
  bool integer() const { return mode == Mode::kInfer && has(0) && in(0).quant.has_value(); }
  bool encoded(size_t i) const { return mode == Mode::kInfer && is_weight(i) && weight(i).encoding.kind == Encoding::Kind::kInt; }
};

struct Frame {
  std::vector<at::Tensor> values;  // by ValueId
  const SymbolValues* symbols = nullptr;
};

// A node in one run.
class Call {
 public:
  Call(Frame& frame, const Step& step) : frame_(frame), step_(step) {}
  size_t count() const;
  bool has(size_t i) const;
  const at::Tensor& in(size_t i) const;     // must be there
  at::Tensor maybe(size_t i) const;         // undefined when absent
  void set(at::Tensor result) { set(0, std::move(result)); }
  void set(size_t i, at::Tensor result);
  // May operand i's memory become the result's? Only when this is its last use, nothing else sees the memory, and no
  // gradient is recorded.
  bool reusable(size_t i) const;
  int64_t dim(const Dim& dim) const;
  std::vector<int64_t> shape(const Shape& shape) const;

 private:
  Frame& frame_;
  const Step& step_;
};

using Evaluate = std::function<void(Call& call)>;
using Prepare = Result<Evaluate> (*)(const Site& site);

struct Step {
  NodeId node = kNoId;
  Evaluate evaluate;
  std::vector<ValueId> inputs, outputs;
  std::vector<char> dies;       // operand i is an intermediate whose last use is here
  std::vector<ValueId> frees;   // intermediates to drop afterwards, dead results included
};

Prepare find_eval(std::string_view op);  // null when there is none
struct RegisterEval {
  RegisterEval(std::string_view op, Prepare prepare);
};

// Where the dimension is a symbol (or a multiple of one), its value follows from the size; kept if already known.
void bind_symbol(const Dim& dim, int64_t size, SymbolValues& symbols);

// "conv1 (conv) cannot be evaluated on operands [2,3], [4,3,1,1]: …", from what LibTorch threw.
tl::unexpected<Error> evaluation_error(const Module& module, const Step& step, const Frame& frame, const std::exception& e);

// Is a gradient being recorded? Then nothing may be overwritten.
bool recording();

}  // namespace fastc::engine
