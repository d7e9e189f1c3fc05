// The graph's nodes: arguments out of JSON, the op lowered, the results compared with what the file says of them.
#include "frontends/aten/schema.h"
#include "frontends/torch_export/json_read.h"
#include "frontends/torch_export/reader.h"

namespace fastc::torch_export {

using aten::Arg;
using aten::ArgList;
using nlohmann::json;

// nn_module_stack: "KEY,PATH,TYPE;KEY,PATH,TYPE", outermost first. A module used twice has @1 behind its path.
std::string scope_of(const json& node) {
  const json* metadata = member(node, "metadata");
  auto stack = metadata ? string_member(*metadata, "nn_module_stack") : Result<std::string>("");
  if (!stack) return {};
  std::string last = stack->substr(stack->rfind(';') + 1);
  size_t first = last.find(',');
  if (first == std::string::npos) return {};
  size_t second = last.find(',', first + 1);
  std::string path = last.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  if (size_t at = path.find('@'); at != std::string::npos) path.resize(at);
  if (path.starts_with("L__self__")) path = path.size() > 9 && path[9] == '.' ? path.substr(10) : "";
  for (char c : path)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-') return {};  // "_empty_nn_module_stack…" and the like
  if (path.starts_with("_empty_nn_module_stack")) return {};
  return path;
}

std::string layer_of(const json& node) {
  const json* metadata = member(node, "metadata");
  auto stack = metadata ? string_member(*metadata, "nn_module_stack") : Result<std::string>("");
  if (!stack) return {};
  std::string last = stack->substr(stack->rfind(';') + 1);
  return aten::is_layer_class(std::string_view(last).substr(last.rfind(',') + 1)) ? scope_of(node) : "";
}

// stack_trace: Python's traceback, innermost frame last.
std::string source_of(const json& node) {
  const json* metadata = member(node, "metadata");
  auto trace = metadata ? string_member(*metadata, "stack_trace") : Result<std::string>("");
  if (!trace) return {};
  size_t file = trace->rfind("File \"");
  if (file == std::string::npos) return {};
  size_t begin = file + 6, end = trace->find('"', begin), line = trace->find(", line ", begin);
  if (end == std::string::npos || line == std::string::npos) return {};
  std::string name = trace->substr(begin, end - begin);
  name = name.substr(name.rfind('/') + 1);
  size_t digits = line + 7, stop = digits;
  while (stop < trace->size() && std::isdigit(static_cast<unsigned char>((*trace)[stop]))) ++stop;
  return fmt::format("{}:{}", name, trace->substr(digits, stop - digits));
}

Result<Arg> Reader::tensor(const json& value, aten::Lowering& lowering) {
  FASTC_TRY(const std::string name, string_member(value, "name"));
  if (auto it = values_.find(name); it != values_.end()) {
    if (it->second.none()) return input_error("the value {} is a second result that is not supported", name);
    return it->second;
  }
  auto weight = weights_.find(name);
  if (weight == weights_.end()) return input_error("the value {} is used before it is computed", name);
  FASTC_TRY(auto stored, archive_.tensor(weight->second));
  FASTC_TRY(Type said, tensor_type(name));
  // The exporter calls tied weights by one of their names; the layer that uses it here may know it by another.
  std::string path = weight->second;
  if (std::string own = fmt::format("{}.{}", layer_, path.substr(path.rfind('.') + 1)); !layer_.empty() && own != path) {
    auto other = archive_.tensor(own);
    if (other && other->data.same_memory(stored.data)) path = own;
  }
  aten::TensorArg t = lowering.weight(path, stored.data, stored.trainable);
  if (!(lowering.type(t) == said))
    return input_error("the weight {} is {} in the archive and {} in the graph", weight->second, type_text(lowering.type(t)), type_text(said));
  return Arg{t};
}

namespace {

Result<Arg> plain(const json& value) {
  if (value.is_null()) return Arg{};
  if (value.is_boolean()) return Arg{value.get<bool>()};
  if (value.is_number_integer()) {
    FASTC_TRY(int64_t v, integer(value));
    return Arg{Dim(v)};
  }
  if (value.is_number_float()) return Arg{value.get<double>()};
  // JSON has no infinities; PyTorch writes them as texts.
  if (value == "Infinity") return Arg{std::numeric_limits<double>::infinity()};
  if (value == "-Infinity") return Arg{-std::numeric_limits<double>::infinity()};
  if (value == "NaN") return Arg{std::numeric_limits<double>::quiet_NaN()};
  if (value.is_string()) return Arg{value.get<std::string>()};
  return input_error("expected a number or a text, found {}", json_found(value));
}

Result<Arg> as_float(const json& value) {
  FASTC_TRY(Arg a, plain(value));
  if (const Dim* d = a.dim()) return Arg{static_cast<double>(d->constant())};
  return a;
}

template <typename F>
Result<Arg> each(const json& list, F&& convert) {
  if (!list.is_array()) return input_error("expected a list, found {}", json_found(list));
  ArgList out;
  for (const json& item : list) {
    FASTC_TRY(Arg a, convert(item));
    out.push_back(std::move(a));
  }
  return Arg{std::move(out)};
}

}  // namespace

// {"as_KIND": value}: one of the kinds of torch/_export/serde/schema.py.
Result<Arg> Reader::argument(const json& value, aten::Lowering& lowering) {
  if (!value.is_object() || value.size() != 1) return input_error("expected an argument of one kind, found {}", json_found(value));
  const std::string& kind = value.begin().key();
  const json& inner = value.begin().value();
  auto symbol = [&](const json& j) -> Result<Arg> {
    FASTC_TRY(Dim d, sym_int(j));
    return Arg{std::move(d)};
  };
  auto named = [&](const json& j) { return tensor(j, lowering); };
  auto optional = [&](const json& j) -> Result<Arg> {
    const json* t = member(j, "as_tensor");
    return t ? tensor(*t, lowering) : Result<Arg>(Arg{});
  };
  if (kind == "as_none") return Arg{};
  if (kind == "as_tensor") return named(inner);
  if (kind == "as_tensors") return each(inner, named);
  if (kind == "as_optional_tensor") return optional(inner);
  if (kind == "as_optional_tensors") return each(inner, optional);
  if (kind == "as_int" || kind == "as_bool" || kind == "as_string") return plain(inner);
  if (kind == "as_float") return as_float(inner);
  if (kind == "as_ints" || kind == "as_bools" || kind == "as_strings") return each(inner, plain);
  if (kind == "as_floats") return each(inner, as_float);
  if (kind == "as_sym_int") return symbol(inner);
  if (kind == "as_sym_ints") return each(inner, symbol);
  if (kind == "as_scalar_type") {
    FASTC_TRY(DType dtype, parse_scalar_type(inner));
    return Arg{Dim(aten::scalar_type_of(dtype))};
  }
  if (kind == "as_sym_float" && member(inner, "as_float")) return as_float(*member(inner, "as_float"));
  if (kind == "as_sym_bool" && member(inner, "as_bool")) return plain(*member(inner, "as_bool"));
  if (kind == "as_memory_format") return plain(inner);
  if (kind == "as_layout" || kind == "as_device") return Arg{};
  return input_error("arguments of kind {} are not supported", kind);
}

Status Reader::bind(const json& name_holder, Arg value, aten::Lowering& lowering) {
  FASTC_TRY(std::string name, string_member(name_holder, "name"));
  if (const aten::TensorArg* t = value.tensor()) {
    FASTC_TRY(Type said, tensor_type(name));
    const Type& made = lowering.type(*t);
    if (!(made == said)) return input_error("{}: the file says {}, fastc makes {}; please report this model", name, type_text(said), type_text(made));
  }
  values_[name] = std::move(value);
  return {};
}

Status Reader::bind_outputs(const json& node, ArgList results, aten::Lowering& lowering) {
  const json& outputs = *member(node, "outputs");
  // One result that is a list: {"as_tensors": […]}.
  for (size_t i = 0; i < outputs.size(); ++i) {
    Arg result = i < results.size() ? results[i] : Arg{};
    if (const json* one = member(outputs[i], "as_tensor")) {
      FASTC_CHECK(bind(*one, std::move(result), lowering));
    } else if (const json* many = member(outputs[i], "as_tensors"); many && many->is_array()) {
      const ArgList* list = result.list();
      if (!list || list->size() != many->size()) return input_error("{} results, the file says {}", list ? list->size() : 0, many->size());
      for (size_t k = 0; k < many->size(); ++k) FASTC_CHECK(bind((*many)[k], (*list)[k], lowering));
    } else if (!member(outputs[i], "as_none")) {
      return input_error("a result of kind {} is not supported", json_found(outputs[i]));
    }
  }
  return {};
}

Status Reader::node(const json& node, aten::Lowering& lowering) {
  const json *inputs = member(node, "inputs"), *outputs = member(node, "outputs");
  auto target = string_member(node, "target");
  if (!target || !inputs || !inputs->is_array() || !outputs || !outputs->is_array()) return input_error("a node without target, inputs or outputs");
  bool sizes_only = !outputs->empty();
  for (const json& o : *outputs) sizes_only &= member(o, "as_sym_int") || member(o, "as_sym_bool") || member(o, "as_sym_float") || member(o, "as_int");
  if (sizes_only) return {};  // sizes are described beside the graph

  constexpr std::string_view kAten = "torch.ops.aten.", kGrouped = "torch.ops.transformers.grouped_mm_fallback.";
  std::string scope = scope_of(node), source = source_of(node);
  std::string where = fmt::format("op {}{}{}", *target, source.empty() ? "" : " at " + source, scope.empty() ? "" : ", in " + scope);
  if (target->starts_with(kGrouped)) *target = "torch.ops.aten._grouped_mm";  // transformers' own, where a processor has none
  if (!target->starts_with(kAten)) {
    return input_error("{}: not supported; write it with aten ops (for control flow: export the branch you need), and export again", where);
  }
  aten::Call call;
  std::string rest = target->substr(kAten.size());
  size_t dot = rest.find('.');
  call.op = rest.substr(0, dot);
  call.overload = dot == std::string::npos || rest.substr(dot + 1) == "default" ? "" : rest.substr(dot + 1);
  if (call.op.starts_with("_assert") || call.op.starts_with("sym_constrain")) return {};
  layer_ = layer_of(node);
  lowering.place(scope, source, !layer_.empty());
  for (const json& input : *inputs) {
    auto name = string_member(input, "name");
    if (!name || !member(input, "arg")) return input_error("{}: an argument without name or value", where);
    auto value = argument(*member(input, "arg"), lowering);
    if (!value) return at(fmt::format("{}, argument {}", where, *name), std::move(value).error());
    call.args[*name] = std::move(*value);
  }
  FASTC_CHECK(aten::fill_defaults(call));
  call.in_place = call.op.ends_with('_') && !call.op.ends_with("__");
  if (call.in_place) call.op.pop_back();
  FASTC_TRY(ArgList results, memory_->run(std::move(call)));
  auto bound = bind_outputs(node, std::move(results), lowering);
  if (!bound) return at(where, std::move(bound).error());
  return {};
}

}  // namespace fastc::torch_export
