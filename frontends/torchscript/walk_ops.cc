// The rest of the walker: aten ops, the small prim ops, and what in-place ops change.
#include <algorithm>
#include <array>
#include <set>

#include "frontends/torchscript/walk.h"

namespace fastc::torchscript {

using aten::Arg;
using aten::ArgList;
using aten::Call;
using aten::TensorArg;

namespace {

// Results share memory with the operand, so that changing one in place changes the other.
bool is_view(std::string_view op) {
  static const std::set<std::string_view> kViews{"view", "reshape", "flatten", "unflatten", "slice", "select", "narrow", "transpose", "t", "permute", "movedim",
                                                 "expand", "expand_as", "unsqueeze", "squeeze", "chunk", "split", "split_with_sizes", "unbind", "view_as"};
  return kViews.contains(op);
}

// A call whose results hold no list cannot hand one back: what it was given it has only read.
bool only_reads_lists(const torch::jit::Node& node) {
  const bool call = node.kind() == c10::prim::CallMethod || node.kind() == c10::prim::CallFunction;
  return call && std::ranges::all_of(node.outputs(), [](const torch::jit::Value* v) { return v->type()->isSubtypeOf(*c10::TensorType::get()); });
}

// A list that nothing else may hold: made here, read by aten ops, by calls and by its own block's return. Lists are copied where they are
// passed on, so that another holder would not see what is appended.
bool is_own_list(const torch::jit::Value* list) {
  if (list->node()->kind() != c10::prim::ListConstruct) return false;
  return std::ranges::all_of(list->uses(), [&](const torch::jit::Use& use) {
    const bool returned = use.user->kind() == c10::prim::Return && use.user->owningBlock() == list->node()->owningBlock();  // it leaves its block for good
    return use.user->kind().is_aten() || returned || only_reads_lists(*use.user);
  });
}

bool is_in_place(std::string_view name) { return name.size() > 1 && name.ends_with('_') && !name.ends_with("__"); }

}  // namespace

ValueId Walker::root(ValueId id) const {
  for (auto it = base_.find(id); it != base_.end(); it = base_.find(id)) id = it->second;
  return id;
}

void Walker::note_view(ValueId view, ValueId base) {
  if (view != base && !base_.contains(view)) base_[view] = base;
}

void Walker::note_change(ValueId old_version, ValueId new_version, const std::string& where) {
  if (old_version == new_version) return;
  newest_[old_version] = new_version;
  ValueId group = root(old_version);
  if (group != old_version) stale_[group] = where;
  for (const auto& [view, base] : base_)
    if (view != old_version && root(view) == group) stale_[view] = where;
}

Status Walker::refresh(Arg& arg) const {
  if (auto* list = std::get_if<ArgList>(&arg.value)) {
    for (Arg& item : *list) FASTC_CHECK(refresh(item));
    return {};
  }
  auto* t = std::get_if<TensorArg>(&arg.value);
  if (!t) return {};
  for (auto it = newest_.find(t->id); it != newest_.end(); it = newest_.find(t->id)) *t = {it->second, {}};
  if (auto it = stale_.find(t->id); it != stale_.end())
    return input_error("a tensor is read whose memory was changed through a view of it at {}; use the op that is not in place", it->second);
  return {};
}

Status Walker::append(torch::jit::Node& node, Frame& frame) {
  const std::string where = fmt::format("op aten::append at {}, in {}", source_of(node), frame.scope);
  if (!is_own_list(node.input(0))) return input_error("{}: appending to a list that is also held elsewhere is not supported; build the list in one place", where);
  FASTC_TRY(Arg item, arg(node.input(1), frame));
  FASTC_TRY(Arg list, arg(node.input(0), frame));
  std::get<ArgList>(list.value).push_back(std::move(item));
  frame.env[node.input(0)] = frame.env[node.output()] = std::move(list);
  return {};
}

Status Walker::aten_op(torch::jit::Node& node, Frame& frame) {
  std::string name = node.kind().toUnqualString();
  if (name == "append") return append(node, frame);
  Call call;
  call.op = name;
  bool in_place = is_in_place(name);
  if (in_place) call.op.pop_back();
  lowering_.place(frame.scope, source_of(node), frame.layer);

  const c10::FunctionSchema* schema = node.maybeSchema();
  if (schema) call.overload = schema->overload_name();
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    std::string key = schema && i < schema->arguments().size() ? schema->arguments()[i].name() : fmt::format("{}", i);
    auto value = arg(node.input(i), frame);
    if (!value) return at(fmt::format("op aten::{} at {}, in {}, argument {}", name, source_of(node), frame.scope, key), std::move(value).error());
    call.args.emplace(std::move(key), std::move(*value));
  }
  if (name == "__is__" || name == "__isnot__") {  // is None
    bool same = call.arg("self").none() == call.arg("obj").none();
    frame.env[node.output()] = Arg{same == (name == "__is__")};
    return {};
  }
  if (name == "__not__" && call.arg("self").flag()) {
    frame.env[node.output()] = Arg{!*call.arg("self").flag()};
    return {};
  }
  FASTC_TRY(ArgList results, lowering_.lower(call));
  if (results.size() < node.outputs().size()) results.resize(node.outputs().size());
  for (size_t i = 0; i < node.outputs().size(); ++i) frame.env[node.outputs()[i]] = results[i];

  if (node.inputs().empty() || results.empty()) return {};
  auto before = arg(node.input(0), frame);
  const TensorArg* self = before ? before->tensor() : nullptr;
  if (!self) return {};
  if (in_place) {
    if (const TensorArg* t = results[0].tensor()) note_change(self->id, t->id, fmt::format("aten::{} at {}", name, source_of(node)));
  } else if (is_view(call.op)) {
    const ArgList* parts = results[0].list();
    for (const Arg& a : parts ? *parts : results)
      if (const TensorArg* t = a.tensor()) note_view(t->id, self->id);
  }
  return {};
}

Status Walker::prim(torch::jit::Node& node, Frame& frame) {
  std::string_view kind = node.kind().toUnqualString();
  ArgList inputs;
  auto read = [&]() -> Status {
    for (torch::jit::Value* v : node.inputs()) {
      FASTC_TRY(Arg a, arg(v, frame));
      inputs.push_back(std::move(a));
    }
    return {};
  };
  auto fail_here = [&](std::string_view what) {
    std::string source = source_of(node);
    return input_error("{}{}{}: {}", node.kind().toQualString(), source.empty() ? "" : " at " + source, frame.scope.empty() ? "" : ", in " + frame.scope, what);
  };
  if (kind == "RaiseException") return fail_here("the model raises an exception for inputs of this shape");
  if (kind == "Uninitialized") {
    frame.env[node.output()] = Arg{};
    return {};
  }
  if (kind == "Print" || kind == "profile") return {};
  FASTC_CHECK(read());
  if (kind == "ListConstruct" || kind == "TupleConstruct") {
    frame.env[node.output()] = Arg{std::move(inputs)};
    return {};
  }
  if (kind == "unchecked_cast" || kind == "unchecked_unwrap_optional" || kind == "NumToTensor") {
    frame.env[node.output()] = inputs.at(0);
    return {};
  }
  if (kind == "TupleIndex") {
    const ArgList* list = inputs.at(0).list();
    const Dim* index = inputs.at(1).dim();
    auto n = list ? static_cast<int64_t>(list->size()) : 0;
    int64_t i = index && index->is_constant() ? index->constant() : n;
    if (i < 0) i += n;
    if (i < 0 || i >= n) return fail_here("the index is out of range");
    frame.env[node.output()] = (*list)[static_cast<size_t>(i)];
    return {};
  }
  const TensorArg* tensor = inputs.empty() ? nullptr : inputs[0].tensor();
  if (kind == "dtype" && tensor) {
    frame.env[node.output()] = Arg{Dim(aten::scalar_type_of(lowering_.type(*tensor).dtype))};
    return {};
  }
  if (kind == "device" && tensor) {
    frame.env[node.output()] = Arg{std::string("cpu")};
    return {};
  }
  return fail_here("not supported; trace the model (torch.jit.trace) or export it (torch.export.save)");
}

}  // namespace fastc::torchscript
