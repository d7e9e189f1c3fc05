// Included by this folder's .cc files only: it sees LibTorch.
#pragma once

#include <unordered_map>
#include <variant>

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include "frontends/aten/memory.h"

namespace fastc::torchscript {

// A module (or another object) of the program, with its dotted path from the root.
struct Object {
  c10::intrusive_ptr<c10::ivalue::Object> object;
  std::string path;
};
using Slot = std::variant<aten::Arg, Object>;

// Runs method graphs on symbolic values; every aten op goes to the lowering rules.
class Walker {
 public:
  Walker(aten::Lowering& lowering, aten::Memory& memory) : lowering_(lowering), memory_(memory) {}
  // The method's results.
  Result<Slot> call(const Object& self, const std::string& method, std::vector<Slot> args);

 private:
  using Env = std::unordered_map<const torch::jit::Value*, Slot>;
  struct Frame {
    std::string scope;
    bool layer = false;  // the module is a layer of torch.nn
    Env env;
  };

  Result<Slot> run(torch::jit::Graph& graph, Frame frame, std::vector<Slot> args);
  Status block(torch::jit::Block& block, Frame& frame);
  Status node(torch::jit::Node& node, Frame& frame);
  Status get_attribute(torch::jit::Node& node, Frame& frame);
  Status call_method(torch::jit::Node& node, Frame& frame);
  Status call_function(torch::jit::Node& node, Frame& frame);
  Status constant(torch::jit::Node& node, Frame& frame);
  Status branch(torch::jit::Node& node, Frame& frame);
  Status loop(torch::jit::Node& node, Frame& frame);
  Status unpack(torch::jit::Node& node, Frame& frame);
  Status prim(torch::jit::Node& node, Frame& frame);
  Status change_list(torch::jit::Node& node, Frame& frame);
  Result<bool> is_same(const aten::Arg& a, const aten::Arg& b);
  Status aten_op(torch::jit::Node& node, Frame& frame);

  Result<Slot> slot(const torch::jit::Value* value, Frame& frame);
  Result<aten::Arg> arg(const torch::jit::Value* value, Frame& frame);
  Result<Slot> from_ivalue(const c10::IValue& value, const std::string& path, bool parameter);

  aten::Lowering& lowering_;
  aten::Memory& memory_;
  int depth_ = 0;
  int64_t steps_ = 0;
};

std::string source_of(const torch::jit::Node& node);  // "model.py:40", or ""

}  // namespace fastc::torchscript
