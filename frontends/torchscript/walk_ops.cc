// The rest of the walker: aten ops, lists that change, and the small prim ops.
#include <algorithm>
#include <set>

#include "frontends/aten/scalar.h"
#include "frontends/torchscript/walk.h"

namespace fastc::torchscript {

using aten::Arg;
using aten::ArgList;
using aten::Call;
using aten::TensorArg;

namespace {

// A call whose results hold no list cannot hand one back: what it was given it has only read.
bool only_reads_lists(const torch::jit::Node& node) {
  const bool call = node.kind() == c10::prim::CallMethod || node.kind() == c10::prim::CallFunction;
  return call && std::ranges::all_of(node.outputs(), [](const torch::jit::Value* v) { return v->type()->isSubtypeOf(*c10::TensorType::get()); });
}

bool changes_list(const torch::jit::Node& node) { return node.kind() == c10::aten::append || node.kind() == c10::aten::_set_item; }

// A list that nothing else may hold: made here, read by aten ops, by calls and by its own block's return. Lists are copied where they are
// passed on, so that another holder would not see what is appended.
bool is_own_list(const torch::jit::Value* list) {
  if (list->node()->kind() != c10::prim::ListConstruct && list->node()->kind() != c10::aten::copy) return false;
  return std::ranges::all_of(list->uses(), [&](const torch::jit::Use& use) {
    if (changes_list(*use.user) && use.offset > 0) return false;  // an item of another list
    const bool returned = use.user->kind() == c10::prim::Return && use.user->owningBlock() == list->node()->owningBlock();  // it leaves its block for good
    return use.user->kind().is_aten() || returned || only_reads_lists(*use.user);
  });
}

bool is_in_place(std::string_view name) { return name.size() > 1 && name.ends_with('_') && !name.ends_with("__"); }

}  // namespace

// append, and list[i] = item
Status Walker::change_list(torch::jit::Node& node, Frame& frame) {
  const std::string where = fmt::format("op {} at {}, in {}", node.kind().toQualString(), source_of(node), frame.scope);
  if (!is_own_list(node.input(0))) return input_error("{}: changing a list that is also held elsewhere is not supported; build the list in one place", where);
  FASTC_TRY(Arg item, arg(node.inputs().back(), frame));
  FASTC_TRY(Arg list, arg(node.input(0), frame));
  auto& items = std::get<ArgList>(list.value);
  if (node.kind() == c10::aten::append) {
    items.push_back(std::move(item));
  } else {
    FASTC_TRY(Arg index, arg(node.input(1), frame));
    const auto n = static_cast<int64_t>(items.size());
    const int64_t given = index.dim() && index.dim()->is_constant() ? index.dim()->constant() : n, i = given < 0 ? given + n : given;
    if (i < 0 || i >= n) return input_error("{}: the index is out of range for a list of {}", where, n);
    items[static_cast<size_t>(i)] = std::move(item);
  }
  frame.env[node.input(0)] = list;
  if (!node.outputs().empty()) frame.env[node.output()] = std::move(list);
  return {};
}

// Python's `is`.
Result<bool> Walker::is_same(const Arg& a, const Arg& b) {
  if (a.tensor() && b.tensor()) return memory_.same(*a.tensor(), *b.tensor());
  if (!aten::comparable(a, b)) return a.none() && b.none();
  FASTC_TRY(const Arg equal, aten::fold_binary("eq", a, b));
  return equal.flag() && *equal.flag();
}

Status Walker::aten_op(torch::jit::Node& node, Frame& frame) {
  std::string name = node.kind().toUnqualString();
  if (changes_list(node)) return change_list(node, frame);
  Call call;
  call.op = name;
  call.in_place = is_in_place(name);
  if (call.in_place) call.op.pop_back();
  lowering_.place(frame.scope, source_of(node), frame.layer);

  const c10::FunctionSchema* schema = node.maybeSchema();
  if (schema) call.overload = schema->overload_name();
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    std::string key = schema && i < schema->arguments().size() ? schema->arguments()[i].name() : fmt::format("{}", i);
    auto value = arg(node.input(i), frame);
    if (!value) return at(fmt::format("op aten::{} at {}, in {}, argument {}", name, source_of(node), frame.scope, key), std::move(value).error());
    call.args.emplace(std::move(key), std::move(*value));
  }
  if (name == "__is__" || name == "__isnot__") {
    FASTC_TRY(const bool same, is_same(call.arg("self"), call.arg("obj")));
    frame.env[node.output()] = Arg{same == (name == "__is__")};
    return {};
  }
  if (name == "__not__" && call.arg("self").flag()) {
    frame.env[node.output()] = Arg{!*call.arg("self").flag()};
    return {};
  }
  const bool in_place = call.in_place;
  FASTC_TRY(ArgList results, memory_.run(std::move(call)));
  if (results.size() < node.outputs().size()) results.resize(node.outputs().size());
  for (size_t i = 0; i < node.outputs().size(); ++i) frame.env[node.outputs()[i]] = results[i];
  // A number that PyTorch keeps in a tensor has no memory here; its name is given the new one.
  if (in_place && !results.empty() && results[0].scalar()) frame.env[node.input(0)] = results[0];
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
  if ((kind == "device" && tensor) || (kind == "type" && !inputs.empty() && inputs[0].text())) {
    frame.env[node.output()] = Arg{std::string("cpu")};
    return {};
  }
  // Questions that are decided here: dense tensors on the CPU, without gradients.
  static const std::set<std::string_view> kNever{"is_nested", "is_sparse", "is_quantized", "is_cuda", "is_meta", "is_mkldnn", "requires_grad"};
  if (tensor && kNever.contains(kind)) {
    frame.env[node.output()] = Arg{false};
    return {};
  }
  return fail_here("not supported; trace the model (torch.jit.trace) or export it (torch.export.save)");
}

}  // namespace fastc::torchscript
