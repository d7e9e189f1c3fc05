// The documentation side of options: JSON Schema and help.
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/options.h"
#include "base/options_text.h"
#include "base/text.h"

namespace fastc {
namespace {

using nlohmann::json;

std::string range_text(const Range& r) {
  const bool low = std::isfinite(r.low), high = std::isfinite(r.high);
  if (low && high && !r.low_open && !r.high_open) return fmt::format(" from {} to {}", r.low, r.high);
  std::string text;
  if (low) text += fmt::format(" {} {}", r.low_open ? "above" : "of at least", r.low);
  if (high) text += fmt::format("{} {} {}", low ? " and" : "", r.high_open ? "below" : "at most", r.high);
  return text;
}

std::string choices_text(const std::vector<std::string>& choices) {
  std::vector<std::string> quoted;
  for (const auto& choice : choices) quoted.push_back("\"" + choice + "\"");
  return "one of " + list_words(quoted);
}

void add_range(json& schema, const Range& r) {
  if (std::isfinite(r.low)) schema[r.low_open ? "exclusiveMinimum" : "minimum"] = r.low;
  if (std::isfinite(r.high)) schema[r.high_open ? "exclusiveMaximum" : "maximum"] = r.high;
}

json item_schema(const char* type, const OptionField& f) {
  json schema = {{"type", type}};
  add_range(schema, told_range(f.range));
  if (!f.choices.empty()) schema["enum"] = f.choices;
  return schema;
}

json field_schema(const OptionField& f) {
  const auto list = [](json item) { return json{{"type", "array"}, {"items", std::move(item)}}; };
  switch (f.kind) {
    case OptionKind::kNumber: return item_schema("number", f);
    case OptionKind::kInteger: return item_schema("integer", f);
    case OptionKind::kFlag: return {{"type", "boolean"}};
    case OptionKind::kText: return item_schema("string", f);
    case OptionKind::kNumbers: return list(item_schema("number", f));
    case OptionKind::kIntegers: return list(item_schema("integer", f));
    case OptionKind::kTexts:
      return {{"anyOf", json::array({item_schema("string", f), list(item_schema("string", f))})}};
    case OptionKind::kTextMap: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
    case OptionKind::kJson: return json::object();
    case OptionKind::kObject: return f.table->schema();
    case OptionKind::kObjects: return list(f.table->schema());
    case OptionKind::kObjectMap: return {{"type", "object"}, {"additionalProperties", f.table->schema()}};
  }
  return json::object();
}

std::string escaped(std::string text) {  // a `|` would end the table's cell
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

}  // namespace

// An int member's limits are not the author's: they are checked, and not talked about unless broken.
Range told_range(Range r) {
  if (r.low == -2147483648.0) r.low = -INFINITY;
  if (r.high == 2147483647.0) r.high = INFINITY;
  return r;
}

std::string expected_text(const OptionField& f, bool with_type_limits) {
  const Range r = with_type_limits ? f.range : told_range(f.range);
  switch (f.kind) {
    case OptionKind::kNumber: return "a number" + range_text(r);
    case OptionKind::kInteger: return "an integer" + range_text(r);
    case OptionKind::kFlag: return "true or false";
    case OptionKind::kText: return f.choices.empty() ? "a text" : choices_text(f.choices);
    case OptionKind::kNumbers: return "a list of numbers" + range_text(r);
    case OptionKind::kIntegers: return "a list of integers" + range_text(r);
    case OptionKind::kTexts: return f.choices.empty() ? "a text or a list of texts" : "a list, each " + choices_text(f.choices);
    case OptionKind::kTextMap: return "an object whose values are texts";
    case OptionKind::kJson: return "a value";
    case OptionKind::kObject: return "an object";
    case OptionKind::kObjects: return "a list of objects";
    case OptionKind::kObjectMap: return "an object whose values are objects";
  }
  return "";
}

json OptionTable::schema() const {
  json properties = json::object(), required = json::array();
  const json given = defaults();
  for (const auto& f : fields_) {
    json one = field_schema(f);
    if (!f.help.empty()) one["description"] = f.help;
    if (given.contains(f.name)) {
      one["default"] = given[f.name];
    } else if (!f.required && one.contains("type")) {
      one["type"] = json::array({one["type"], "null"});
      if (one.contains("enum")) one["enum"].push_back(nullptr);
    }
    if (f.required) required.push_back(f.name);
    properties[f.name] = std::move(one);
  }
  json out = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  if (!summary_.empty()) out["description"] = summary_;
  return out;
}

void OptionTable::help_rows(std::string& out, const std::string& prefix) const {
  const json given = defaults();
  for (const auto& f : fields_) {
    const bool plain = !f.table && given.contains(f.name);
    const std::string value = plain ? "`" + given[f.name].dump() + "`" : f.required ? "required" : "";
    out += fmt::format("| `{}{}` | {} | {} | {} |\n", prefix, f.name, escaped(expected_text(f)), escaped(value), escaped(f.help));
    if (!f.table) continue;
    const char* inner = f.kind == OptionKind::kObject ? "." : f.kind == OptionKind::kObjects ? "[]." : ".NAME.";
    f.table->help_rows(out, prefix + f.name + inner);
  }
}

std::string OptionTable::help() const {
  std::string out = "| option | expected | default | meaning |\n|---|---|---|---|\n";
  help_rows(out, "");
  return out;
}

}  // namespace fastc
