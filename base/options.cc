#include "base/options.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/options_text.h"
#include "base/text.h"

namespace fastc {
namespace {

using nlohmann::json;

std::optional<double> as_number(const json& value, const Range& range) {
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  return range.holds(number) ? std::optional(number) : std::nullopt;
}

std::optional<int64_t> as_integer(const json& value, const Range& range) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return std::nullopt;
  if (value.is_number_float()) {  // JSON Schema counts 3.0 and 1e3 as integers
    const double number = value.get<double>();
    if (number != std::floor(number) || std::fabs(number) > 0x1p53) return std::nullopt;
  } else if (!value.is_number_integer()) {
    return std::nullopt;
  }
  const auto number = value.get<int64_t>();
  return range.holds(static_cast<double>(number)) ? std::optional(number) : std::nullopt;
}

std::optional<std::string> as_text(const json& value, const std::vector<std::string>& choices) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) return std::nullopt;
  return text;
}

// Every item of a list through `read`; nullopt, with `bad` at the item, when one does not fit.
template <typename T, typename Read>
std::optional<OptionValue> as_list(const json& value, Read read, std::optional<size_t>& bad) {
  if (!value.is_array()) return std::nullopt;
  std::vector<T> out;
  for (const auto& item : value) {
    auto one = read(item);
    if (!one) {
      bad = out.size();
      return std::nullopt;
    }
    out.push_back(std::move(*one));
  }
  return OptionValue(std::move(out));
}

template <typename T>
std::optional<OptionValue> boxed(std::optional<T> value) {
  return value ? std::optional<OptionValue>(std::in_place, std::in_place_type<T>, std::move(*value)) : std::nullopt;
}

std::optional<OptionValue> read_plain(const OptionField& f, const json& value, std::optional<size_t>& bad) {
  switch (f.kind) {
    case OptionKind::kNumber: return boxed(as_number(value, f.range));
    case OptionKind::kInteger: return boxed(as_integer(value, f.range));
    case OptionKind::kFlag: return value.is_boolean() ? std::optional<OptionValue>(value.get<bool>()) : std::nullopt;
    case OptionKind::kText: return boxed(as_text(value, f.choices));
    case OptionKind::kNumbers:
      return as_list<double>(value, [&](const json& item) { return as_number(item, f.range); }, bad);
    case OptionKind::kIntegers:
      return as_list<int64_t>(value, [&](const json& item) { return as_integer(item, f.range); }, bad);
    case OptionKind::kTexts: {
      const auto read = [&](const json& item) { return as_text(item, f.choices); };
      return value.is_string() ? as_list<std::string>(json::array({value}), read, bad)
                               : as_list<std::string>(value, read, bad);
    }
    case OptionKind::kTextMap: {
      if (!value.is_object()) return std::nullopt;
      std::map<std::string, std::string> out;
      for (const auto& [key, item] : value.items()) {
        if (!item.is_string()) return std::nullopt;
        out[key] = item.get<std::string>();
      }
      return OptionValue(std::move(out));
    }
    case OptionKind::kJson: return OptionValue(std::make_shared<const json>(value));
    default: return std::nullopt;
  }
}

tl::unexpected<Error> mismatch(const OptionField& f, const json& value, const std::string& place) {
  std::string hint;
  if (value.is_string() && !f.choices.empty()) {
    if (const auto word = nearest(value.get<std::string>(), f.choices); !word.empty())
      hint = fmt::format("; did you mean \"{}\"?", word);
  }
  // A number within the range the help tells of is refused only for what the member can hold.
  const bool type_limits = value.is_number_integer() && told_range(f.range).holds(value.get<double>());
  return usage_error("{}: expected {}, found {}{}", place, expected_text(f, type_limits), json_found(value), hint);
}

// A rule's sentence that begins with an option's name, as "bits: expected 8 or 16, found 9", is told at that option's place.
tl::unexpected<Error> broken_rule(const std::string& problem, const std::vector<OptionField>& fields, std::string_view pointer) {
  const size_t colon = problem.find(": ");
  const std::string name = problem.substr(0, colon);
  const bool named = colon != std::string::npos && std::any_of(fields.begin(), fields.end(), [&](const OptionField& f) { return f.name == name; });
  if (!named) return usage_error("{}: {}", json_place(pointer), problem);
  return usage_error("{}: {}", json_child(pointer, name), problem.substr(colon + 2));
}

Status parse_nested(const OptionField& f, void* object, const json& value, const std::string& place) {
  const bool list = f.kind == OptionKind::kObjects;
  if (list ? !value.is_array() : !value.is_object()) return mismatch(f, value, place);
  if (f.clear) f.clear(object);
  if (f.kind == OptionKind::kObject) return f.table->parse_into(f.child(object, ""), value, place);
  size_t index = 0;
  for (const auto& [key, item] : value.items()) {
    const std::string child = list ? json_child(place, index++) : json_child(place, key);
    FASTC_CHECK(f.table->parse_into(f.child(object, list ? "" : key), item, child));
  }
  return {};
}

Status parse_field(const OptionField& f, void* object, const json& value, const std::string& place) {
  if (f.table) {
    bool present = false;
    if (value.is_null() && f.kind == OptionKind::kObject) {
      f.children(object, [&](std::string_view, const void*) { present = true; });
      if (!present) return {};  // null is how an absent one is written out
    }
    return parse_nested(f, object, value, place);
  }
  if (value.is_null() && f.kind != OptionKind::kJson && !f.get(object)) return {};
  std::optional<size_t> bad;
  auto read = read_plain(f, value, bad);
  if (!read && bad && value.is_array()) {
    OptionField item = f;  // the list is one; what is wrong is one of its items
    item.kind = f.kind == OptionKind::kNumbers ? OptionKind::kNumber
              : f.kind == OptionKind::kIntegers ? OptionKind::kInteger : OptionKind::kText;
    return mismatch(item, value[*bad], json_child(place, *bad));
  }
  if (!read) return mismatch(f, value, place);
  f.set(object, std::move(*read));
  return {};
}

json plain_json(const OptionValue& value) {
  return std::visit(
      [](const auto& v) -> json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::shared_ptr<const json>>) {
          return *v;
        } else {
          return v;
        }
      },
      value);
}

json write_field(const OptionField& f, const void* object) {
  if (!f.table) {
    const auto value = f.get(object);
    return value ? plain_json(*value) : json();
  }
  json out = f.kind == OptionKind::kObjects ? json::array() : f.kind == OptionKind::kObjectMap ? json::object() : json();
  f.children(object, [&](std::string_view key, const void* child) {
    json one = f.table->write(child);
    if (f.kind == OptionKind::kObjects) {
      out.push_back(std::move(one));
    } else if (f.kind == OptionKind::kObjectMap) {
      out[std::string(key)] = std::move(one);
    } else {
      out = std::move(one);
    }
  });
  return out;
}

}  // namespace

Status OptionTable::parse_into(void* object, const json& value, std::string_view pointer) const {
  if (!value.is_object()) return usage_error("{}: expected an object, found {}", json_place(pointer), json_found(value));
  for (const auto& [key, item] : value.items()) {
    const auto field = std::find_if(fields_.begin(), fields_.end(), [&name = key](const auto& f) { return f.name == name; });
    if (field != fields_.end()) {
      FASTC_CHECK(parse_field(*field, object, item, json_child(pointer, key)));
      continue;
    }
    std::vector<std::string> names;
    for (const auto& f : fields_) names.push_back(f.name);
    const auto word = nearest(key, names);
    if (!word.empty()) return usage_error("{}: unknown key; did you mean \"{}\"?", json_child(pointer, key), word);
    return usage_error("{}: unknown key; known here: {}", json_child(pointer, key), list_words(names, 40));
  }
  for (const auto& f : fields_) {
    if (f.required && !value.contains(f.name))
      return usage_error("{}: expected the key \"{}\" ({}), found none", json_place(pointer), f.name, expected_text(f));
  }
  if (const auto problem = check_ ? check_(object) : ""; !problem.empty()) return broken_rule(problem, fields_, pointer);
  return {};
}

json OptionTable::write(const void* object) const {
  json out = json::object();
  for (const auto& f : fields_) {
    json value = write_field(f, object);
    if (!value.is_null()) out[f.name] = std::move(value);
  }
  return out;
}

json OptionTable::defaults() const {
  json out = write(defaults_.get());
  for (const auto& f : fields_) {
    if (f.required) out.erase(f.name);
  }
  return out;
}

}  // namespace fastc
