// Included by this folder's .cc files only: it sees LibTorch.
#pragma once

#include <map>
#include <unordered_map>
#include <variant>

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include "frontends/aten/lowering.h"

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
  explicit Walker(aten::Lowering& lowering) : lowering_(lowering) {}
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
  Status append(torch::jit::Node& node, Frame& frame);
  Status aten_op(torch::jit::Node& node, Frame& frame);

  Result<Slot> slot(const torch::jit::Value* value, Frame& frame);
  Result<aten::Arg> arg(const torch::jit::Value* value, Frame& frame);
  Result<Slot> from_ivalue(const c10::IValue& value, const std::string& path, bool parameter);

  // In-place ops. A tensor that was changed is read as its newest version; one that shares memory with it (a view) would be stale, and
  // reading it is an error.
  void note_view(ValueId view, ValueId base);
  void note_change(ValueId old_version, ValueId new_version, const std::string& where);
  Status refresh(aten::Arg& arg) const;
  ValueId root(ValueId id) const;

  aten::Lowering& lowering_;
  std::map<ValueId, ValueId> base_, newest_;
  std::map<ValueId, std::string> stale_;  // where it was changed
  int depth_ = 0;
  int64_t steps_ = 0;
};

std::string source_of(const torch::jit::Node& node);  // "model.py:40", or ""

}  // namespace fastc::torchscript
