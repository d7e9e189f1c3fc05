#include "ir/op.h"

#include <cassert>
#include <map>
#include <memory>

#include "base/text.h"

namespace fastc {
namespace {

using Registry = std::map<std::string_view, std::unique_ptr<OpDef>>;
Registry& registry() {
  static Registry ops;  // filled by static initializers of any file, so it must be made on first use
  return ops;
}

// 1 is taken for 1.0 and for a dimension, [2,3] for dimensions, and constant dimensions for integers.
Attr coerced(Attr value, AttrType type) {
  const auto* integer = std::get_if<int64_t>(&value);
  if (integer && type == AttrType::kFloat) return static_cast<double>(*integer);
  if (integer && type == AttrType::kDim) return Dim(*integer);
  if (const auto* dim = std::get_if<Dim>(&value); dim && type == AttrType::kInt && dim->is_constant())
    return dim->constant();
  if (const auto* integers = std::get_if<std::vector<int64_t>>(&value); integers && type == AttrType::kDims)
    return std::vector<Dim>(integers->begin(), integers->end());
  if (const auto* dims = std::get_if<std::vector<Dim>>(&value); dims && type == AttrType::kInts) {
    std::vector<int64_t> integers;
    for (const Dim& dim : *dims) {
      if (!dim.is_constant()) return value;
      integers.push_back(dim.constant());
    }
    return integers;
  }
  return value;
}

std::vector<std::string> names_of(const OpDef& op) {
  std::vector<std::string> names;
  for (const AttrDef& def : op.attributes) names.emplace_back(def.name);
  return names;
}

}  // namespace

const OpDef* find_op(std::string_view name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second.get();
}

std::vector<const OpDef*> all_ops() {
  std::vector<const OpDef*> out;
  for (const auto& [name, def] : registry()) out.push_back(def.get());
  return out;
}

RegisterOp::RegisterOp(OpDef def) {
  const std::string_view name = def.name;
  [[maybe_unused]] const bool fresh = registry().try_emplace(name, std::make_unique<OpDef>(std::move(def))).second;
  assert(fresh && "an op is registered once");
}

std::string_view type_name(AttrType type) {
  switch (type) {
    case AttrType::kBool:
      return "true or false";
    case AttrType::kInt:
      return "an integer";
    case AttrType::kFloat:
      return "a number";
    case AttrType::kString:
      return "a text";
    case AttrType::kInts:
      return "a list of integers";
    case AttrType::kDim:
      return "a dimension";
    case AttrType::kDims:
      return "a list of dimensions";
  }
  return "";
}

bool has_type(const Attr& value, AttrType type) {
  switch (type) {
    case AttrType::kBool:
      return std::holds_alternative<bool>(value);
    case AttrType::kInt:
      return std::holds_alternative<int64_t>(value);
    case AttrType::kFloat:
      return std::holds_alternative<double>(value);
    case AttrType::kString:
      return std::holds_alternative<std::string>(value);
    case AttrType::kInts:
      return std::holds_alternative<std::vector<int64_t>>(value);
    case AttrType::kDim:
      return std::holds_alternative<Dim>(value);
    case AttrType::kDims:
      return std::holds_alternative<std::vector<Dim>>(value);
  }
  return false;
}

Result<Attrs> complete_attributes(const OpDef& op, Attrs given) {
  Attrs out;
  for (const AttrDef& def : op.attributes) {
    const auto found = given.find(def.name);
    if (found == given.end() && !def.fallback)
      return input_error("{}: expected the attribute \"{}\" ({}), found none", op.name, def.name, def.help);
    Attr value = coerced(found == given.end() ? *def.fallback : std::move(found->second), def.type);
    if (!has_type(value, def.type))
      return input_error("{}: expected {} as attribute \"{}\", found another type", op.name, type_name(def.type),
                         def.name);
    out.emplace(std::string(def.name), std::move(value));
    if (found != given.end()) given.erase(found);
  }
  if (given.empty()) return out;
  const std::string& unknown = given.begin()->first;
  const auto names = names_of(op);
  const std::string guess = nearest(unknown, names);
  if (!guess.empty())
    return input_error("{}: expected a known attribute, found \"{}\"; did you mean \"{}\"?", op.name, unknown, guess);
  return input_error("{}: expected a known attribute ({}), found \"{}\"", op.name,
                     names.empty() ? "it has none" : list_words(names), unknown);
}

}  // namespace fastc
