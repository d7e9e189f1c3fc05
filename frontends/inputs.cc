#include "frontends/inputs.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace fastc {
namespace {

std::string_view recipe_dtype(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "float32";
    case DType::kI64: return "int64";
    case DType::kI32: return "int32";
    case DType::kBool: return "bool";
    case DType::kU8: return "uint8";
    default: return name_of(dtype);
  }
}

// The line that is missing in the recipe, with the traced sizes where the file kept them.
std::string recipe_line(const InputInfo& info) {
  std::string shape = "\"N\", …";
  if (!info.example.empty()) {
    shape = "\"N\"";
    for (size_t i = 1; i < info.example.size(); ++i) shape += fmt::format(", {}", info.example[i]);
  }
  return fmt::format("\"inputs\": {{\"{}\": {{\"shape\": [{}], \"dtype\": \"{}\"}}}}", info.name, shape,
                     recipe_dtype(info.dtype.value_or(DType::kF32)));
}

using SpecMap = std::map<std::string, InputSpec>;

const InputSpec* find_spec(const SpecMap& specs, const InputInfo& info, size_t index) {
  if (auto it = specs.find(info.name); it != specs.end()) return &it->second;
  auto it = specs.find(fmt::format("input_{}", index));
  return it == specs.end() ? nullptr : &it->second;
}

Status check_names(std::string_view what, std::span<const InputInfo> inputs, const SpecMap& specs) {
  std::vector<std::string> names;
  for (const auto& info : inputs) names.push_back(info.name);
  for (const auto& [name, spec] : specs) {
    bool known = std::ranges::find(names, name) != names.end();
    for (size_t i = 0; i < inputs.size() && !known; ++i) known = name == fmt::format("input_{}", i);
    if (!known) return usage_error("{}: has no input \"{}\"; its inputs are {}", what, name, list_words(names));
  }
  return {};
}

// Fits the file's shape to the caller's: a symbol of the file may be renamed or fixed, a number must be the same.
Status unify(std::string_view what, const InputInfo& info, const Shape& wanted, std::span<const Symbol> file_symbols,
             std::map<std::string, Dim>& substitutions) {
  const Shape& given = *info.shape;
  auto differs = [&](std::string_view why) {
    return usage_error("{}: input \"{}\" is [{}] in the file and [{}] in the recipe or on the command line: {}", what, info.name,
                       shape_text(given), shape_text(wanted), why);
  };
  if (given.size() != wanted.size()) return differs("their ranks differ");
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] == wanted[i]) continue;
    if (given[i].is_constant()) return differs(fmt::format("axis {} was fixed when the model was exported", i));
    auto symbols = given[i].symbols();
    if (symbols.size() != 1 || !(given[i] == Dim::symbol(symbols[0]))) return differs(fmt::format("axis {} is derived from others", i));
    if (wanted[i].is_constant()) {
      auto range = std::ranges::find(file_symbols, symbols[0], &Symbol::name);
      int64_t v = wanted[i].constant();
      if (range != file_symbols.end() && (v < range->min || v > range->max))
        return differs(fmt::format("axis {} may go from {} to {}", i, range->min, range->max));
    }
    auto [it, fresh] = substitutions.emplace(symbols[0], wanted[i]);
    if (!fresh && !(it->second == wanted[i])) return differs(fmt::format("axis {} must be equal to another axis, which is {}", i, it->second.text()));
  }
  return {};
}

void collect_symbols(const Type& type, const std::map<std::string, Symbol>& ranges, std::vector<Symbol>& symbols) {
  for (const Dim& dim : type.shape) {
    for (const auto& name : dim.symbols()) {
      if (std::ranges::find(symbols, name, &Symbol::name) != symbols.end()) continue;
      auto range = ranges.find(name);
      symbols.push_back(range == ranges.end() ? Symbol{name} : Symbol{name, range->second.min, range->second.max});
    }
  }
}

// The batch is called N when nothing else is called so.
void name_batch(std::span<const InputInfo> inputs, std::map<std::string, Dim>& substitutions) {
  std::set<std::string> taken;
  for (const auto& [symbol, dim] : substitutions)
    for (const auto& name : dim.symbols()) taken.insert(name);
  for (const auto& info : inputs)
    if (info.shape)
      for (const Dim& dim : *info.shape)
        for (const auto& name : dim.symbols()) taken.insert(name);
  if (taken.contains("N")) return;
  for (const auto& info : inputs) {
    if (!info.shape || info.shape->empty()) continue;
    auto names = info.shape->front().symbols();
    if (names.size() != 1 || substitutions.contains(names[0])) continue;
    substitutions.emplace(names[0], Dim::symbol("N"));
    return;
  }
}

}  // namespace

Dim substitute_all(Dim dim, const std::map<std::string, Dim>& substitutions) {
  // Through private names first: {a → b, b → a} must swap.
  for (const auto& [name, by] : substitutions) dim = dim.substitute(name, Dim::symbol(fmt::format("__{}", name)));
  for (const auto& [name, by] : substitutions) dim = dim.substitute(fmt::format("__{}", name), by);
  return dim;
}

Shape substitute_all(Shape shape, const std::map<std::string, Dim>& substitutions) {
  for (Dim& dim : shape) dim = substitute_all(dim, substitutions);
  return shape;
}

Result<ResolvedInputs> resolve_inputs(std::string_view what, std::span<const InputInfo> inputs, std::span<const Symbol> file_symbols,
                                      const ImportOptions& options) {
  FASTC_CHECK(check_names(what, inputs, options.inputs));
  ResolvedInputs out;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const InputSpec* spec = find_spec(options.inputs, inputs[i], i);
    if (spec && spec->shape && inputs[i].shape) FASTC_CHECK(unify(what, inputs[i], *spec->shape, file_symbols, out.substitutions));
    if (spec && spec->dtype && inputs[i].shape && inputs[i].dtype && *spec->dtype != *inputs[i].dtype)
      return usage_error("{}: input \"{}\" is {} in the file and {} in the recipe; an exported model's types are fixed", what, inputs[i].name,
                         recipe_dtype(*inputs[i].dtype), recipe_dtype(*spec->dtype));
  }
  name_batch(inputs, out.substitutions);

  std::map<std::string, Symbol> ranges;
  for (const Symbol& symbol : file_symbols) {
    Dim by = substitute_all(Dim::symbol(symbol.name), out.substitutions);
    if (auto names = by.symbols(); names.size() == 1 && by == Dim::symbol(names[0])) ranges[names[0]] = symbol;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const InputInfo& info = inputs[i];
    const InputSpec* spec = find_spec(options.inputs, info, i);
    const InputSpec* fallback = find_spec(options.fallback, info, i);
    Type type;
    if (info.shape) {
      type.shape = substitute_all(*info.shape, out.substitutions);
    } else if (spec && spec->shape) {
      type.shape = *spec->shape;
    } else if (fallback && fallback->shape) {
      type.shape = *fallback->shape;
    } else {
      return usage_error("{}: the file does not say the shape of input \"{}\"; add to the recipe's \"model\": {}", what, info.name,
                         recipe_line(info));
    }
    type.dtype = spec && spec->dtype           ? *spec->dtype
                 : info.dtype                  ? *info.dtype
                 : fallback && fallback->dtype ? *fallback->dtype
                                               : DType::kF32;
    collect_symbols(type, ranges, out.symbols);
    out.types.push_back(std::move(type));
  }
  return out;
}

Result<Shape> parse_shape(std::string_view text) {
  Shape shape;
  while (!text.empty()) {
    size_t comma = text.find(',');
    auto dim = Dim::parse(text.substr(0, comma));
    if (!dim) return usage_error("shape \"{}\": {}; expected sizes and names, such as N,3,32,32", text, dim.error().message);
    if (dim->is_constant() && dim->constant() < 0) return usage_error("shape: a size cannot be {}", dim->constant());
    shape.push_back(std::move(*dim));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) return usage_error("shape: a size is missing after the last comma");
  }
  return shape;
}

}  // namespace fastc
