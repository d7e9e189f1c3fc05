#include "frontends/torchscript/walk.h"

#include <torch/csrc/jit/api/function_impl.h>

#include "frontends/aten/ivalue.h"

namespace fastc::torchscript {

using aten::Arg;
using aten::ArgList;
using aten::TensorArg;

namespace {

constexpr int kMaxDepth = 200;          // of module calls
constexpr int64_t kMaxSteps = 2000000;  // nodes walked: a loop of a hostile file ends

tl::unexpected<Error> unsupported(const torch::jit::Node& node, const std::string& scope, std::string_view what) {
  std::string source = source_of(node);
  return input_error("{}{}{}: {}", node.kind().toQualString(), source.empty() ? "" : " at " + source, scope.empty() ? "" : ", in " + scope, what);
}

}  // namespace

std::string source_of(const torch::jit::Node& node) {
  // The user's file where the archive kept it, else the archive's own code.
  auto original = node.sourceRange().findSourceRangeThatGenerated();
  auto position = (original ? *original : node.sourceRange()).file_line_col();
  if (!position) return {};
  auto [file, line, column] = *position;
  if (file.empty()) return {};
  size_t slash = file.rfind('/');
  return fmt::format("{}:{}", slash == std::string::npos ? file : file.substr(slash + 1), line);
}

Result<Slot> Walker::call(const Object& self, const std::string& method, std::vector<Slot> args) {
  torch::jit::Module module(self.object);
  auto found = module.find_method(method);
  if (!found) return input_error("the module {} has no method {}", self.path.empty() ? "at the root" : self.path, method);
  args.insert(args.begin(), self);
  constexpr std::string_view kPrefix = "__torch__.";  // of every class in an archive
  std::string name = self.object->type()->name() ? self.object->type()->name()->qualifiedName() : "";
  bool layer = name.starts_with(kPrefix) && aten::is_layer_class(std::string_view(name).substr(kPrefix.size()));
  return run(*torch::jit::toGraphFunction(found->function()).graph(), {self.path, layer, {}}, std::move(args));
}

Result<Slot> Walker::run(torch::jit::Graph& graph, Frame frame, std::vector<Slot> args) {
  if (depth_ >= kMaxDepth) return input_error("modules call each other more than {} deep", kMaxDepth);
  if (graph.inputs().size() != args.size()) return input_error("{}: expected {} arguments, found {}", frame.scope, graph.inputs().size(), args.size());
  for (size_t i = 0; i < args.size(); ++i) frame.env[graph.inputs()[i]] = std::move(args[i]);
  ++depth_;
  auto status = block(*graph.block(), frame);
  --depth_;
  FASTC_CHECK(status);
  return slot(graph.outputs().at(0), frame);
}

Status Walker::block(torch::jit::Block& block, Frame& frame) {
  for (torch::jit::Node* n : block.nodes()) FASTC_CHECK(node(*n, frame));
  return {};
}

Status Walker::node(torch::jit::Node& node, Frame& frame) {
  if (++steps_ > kMaxSteps) return input_error("the model runs more than {} steps; a loop does not end?", kMaxSteps);
  if (node.kind().is_aten()) return aten_op(node, frame);
  switch (node.kind()) {
    case c10::prim::GetAttr: return get_attribute(node, frame);
    case c10::prim::CallMethod: return call_method(node, frame);
    case c10::prim::CallFunction: return call_function(node, frame);
    case c10::prim::Constant: return constant(node, frame);
    case c10::prim::If: return branch(node, frame);
    case c10::prim::Loop: return loop(node, frame);
    case c10::prim::ListUnpack:
    case c10::prim::TupleUnpack: return unpack(node, frame);
    default: return prim(node, frame);
  }
}

Result<Slot> Walker::slot(const torch::jit::Value* value, Frame& frame) {
  auto it = frame.env.find(value);
  if (it == frame.env.end()) return input_error("the value %{} is read before it is set", value->debugName());
  return it->second;
}

Result<Arg> Walker::arg(const torch::jit::Value* value, Frame& frame) {
  FASTC_TRY(Slot found, slot(value, frame));
  if (Arg* a = std::get_if<Arg>(&found)) return std::move(*a);
  return input_error("expected a tensor or a number, found the module {}", std::get<Object>(found).path);
}

Result<Slot> Walker::from_ivalue(const c10::IValue& value, const std::string& path, bool parameter) {
  if (value.isObject()) return Slot{Object{value.toObject(), path}};
  if (value.isTensor()) {
    if (!value.toTensor().defined()) return Slot{Arg{}};
    auto shared = aten::share(value.toTensor());
    if (!shared) return at(path, std::move(shared).error());
    return Slot{Arg{lowering_.weight(path, *shared, parameter)}};
  }
  if (value.isList() || value.isTuple()) {
    ArgList list;
    size_t index = 0;
    auto add = [&](const c10::IValue& item) -> Status {
      FASTC_TRY(Slot s, from_ivalue(item, fmt::format("{}.{}", path, index++), parameter));
      if (!std::holds_alternative<Arg>(s)) return input_error("{}: lists of modules are not supported as values", path);
      list.push_back(std::get<Arg>(std::move(s)));
      return {};
    };
    if (value.isTuple()) {
      for (const auto& item : value.toTupleRef().elements()) FASTC_CHECK(add(item));
    } else {
      for (const c10::IValue& item : value.toListRef()) FASTC_CHECK(add(item));
    }
    return Slot{Arg{std::move(list)}};
  }
  auto a = aten::arg_of(value);
  if (!a) return at(path, std::move(a).error());
  return Slot{std::move(*a)};
}

Status Walker::get_attribute(torch::jit::Node& node, Frame& frame) {
  FASTC_TRY(Slot owner, slot(node.input(), frame));
  const Object* object = std::get_if<Object>(&owner);
  const std::string& name = node.s(c10::attr::name);
  if (!object) return unsupported(node, frame.scope, fmt::format("attribute {} of something that is no module", name));
  auto type = object->object->type();
  auto index = type->findAttributeSlot(name);
  if (!index) return unsupported(node, frame.scope, fmt::format("no attribute {}", name));
  std::string path = object->path.empty() ? name : object->path + "." + name;
  FASTC_TRY(frame.env[node.output()], from_ivalue(object->object->getSlot(*index), path, type->is_module() && type->is_parameter(*index)));
  return {};
}

Status Walker::call_method(torch::jit::Node& node, Frame& frame) {
  FASTC_TRY(Slot self, slot(node.input(0), frame));
  const Object* object = std::get_if<Object>(&self);
  if (!object) return unsupported(node, frame.scope, "a method of something that is no module");
  std::vector<Slot> args;
  for (size_t i = 1; i < node.inputs().size(); ++i) {
    FASTC_TRY(Slot s, slot(node.input(i), frame));
    args.push_back(std::move(s));
  }
  FASTC_TRY(frame.env[node.output()], call(*object, node.s(c10::attr::name), std::move(args)));
  return {};
}

Status Walker::call_function(torch::jit::Node& node, Frame& frame) {
  auto type = node.input(0)->type()->cast<c10::FunctionType>();
  if (!type) return unsupported(node, frame.scope, "a function that is not known at import");
  std::vector<Slot> args;
  for (size_t i = 1; i < node.inputs().size(); ++i) {
    FASTC_TRY(Slot s, slot(node.input(i), frame));
    args.push_back(std::move(s));
  }
  FASTC_TRY(frame.env[node.output()], run(*torch::jit::toGraphFunction(*type->function()).graph(), {frame.scope, frame.layer, {}}, std::move(args)));
  return {};
}

Status Walker::constant(torch::jit::Node& node, Frame& frame) {
  if (node.output()->type()->kind() == c10::TypeKind::FunctionType) return {};
  auto value = torch::jit::toIValue(node.output());
  if (!value) return unsupported(node, frame.scope, "a constant without a value");
  if (value->isTensor() && value->toTensor().defined() && value->toTensor().dim() == 0 && value->toTensor().numel() == 1) {
    // A number that PyTorch keeps as a tensor.
    c10::Scalar s = value->toTensor().item();
    frame.env[node.output()] = s.isBoolean() ? Arg{s.toBool()} : s.isFloatingPoint() ? Arg{s.toDouble()} : Arg{Dim(s.toLong())};
    return {};
  }
  std::string path;
  if (value->isTensor()) path = lowering_.module().fresh_name(frame.scope.empty() ? "constant" : frame.scope + ".constant");
  FASTC_TRY(Slot found, from_ivalue(*value, path, false));
  if (auto* a = std::get_if<Arg>(&found); a && a->tensor()) a->value = memory_.own(*a->tensor());
  frame.env[node.output()] = std::move(found);
  return {};
}

Status Walker::branch(torch::jit::Node& node, Frame& frame) {
  auto condition = arg(node.input(), frame);
  if (!condition || !condition->flag())
    return unsupported(node, frame.scope, "which branch runs depends on the data; use torch.where, or trace the model (torch.jit.trace) with the branch you need");
  torch::jit::Block* taken = node.blocks().at(*condition->flag() ? 0 : 1);
  FASTC_CHECK(block(*taken, frame));
  for (size_t i = 0; i < node.outputs().size(); ++i) {
    FASTC_TRY(frame.env[node.outputs()[i]], slot(taken->outputs()[i], frame));
  }
  return {};
}

// (trip count, condition, carried…); the block takes (index, carried…) and gives (condition, carried…). Unrolled.
Status Walker::loop(torch::jit::Node& node, Frame& frame) {
  constexpr std::string_view kUnknown = "how often the loop runs depends on the data; trace the model (torch.jit.trace), or fix the input's shape";
  FASTC_TRY(Arg count, arg(node.input(0), frame));
  FASTC_TRY(Arg condition, arg(node.input(1), frame));
  if (!count.dim() || !count.dim()->is_constant()) return unsupported(node, frame.scope, kUnknown);
  std::vector<Slot> carried;
  for (size_t i = 2; i < node.inputs().size(); ++i) {
    FASTC_TRY(Slot s, slot(node.input(i), frame));
    carried.push_back(std::move(s));
  }
  torch::jit::Block* body = node.blocks().at(0);
  for (int64_t trip = 0; trip < count.dim()->constant(); ++trip) {
    if (!condition.flag()) return unsupported(node, frame.scope, kUnknown);
    if (!*condition.flag()) break;
    frame.env[body->inputs().at(0)] = Arg{Dim(trip)};
    for (size_t i = 0; i < carried.size(); ++i) frame.env[body->inputs().at(i + 1)] = carried[i];
    FASTC_CHECK(block(*body, frame));
    FASTC_TRY(condition, arg(body->outputs().at(0), frame));
    for (size_t i = 0; i < carried.size(); ++i) {
      FASTC_TRY(carried[i], slot(body->outputs().at(i + 1), frame));
    }
    if (++steps_ > kMaxSteps) return unsupported(node, frame.scope, "the loop runs too often to be unrolled");
  }
  for (size_t i = 0; i < carried.size(); ++i) frame.env[node.outputs()[i]] = carried[i];
  return {};
}

Status Walker::unpack(torch::jit::Node& node, Frame& frame) {
  FASTC_TRY(Arg packed, arg(node.input(), frame));
  const ArgList* list = packed.list();
  if (!list || list->size() != node.outputs().size()) return unsupported(node, frame.scope, fmt::format("expected {} values", node.outputs().size()));
  for (size_t i = 0; i < list->size(); ++i) frame.env[node.outputs()[i]] = (*list)[i];
  return {};
}

}  // namespace fastc::torchscript
