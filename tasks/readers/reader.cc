#include "tasks/readers/reader.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace fastc {
namespace {

std::vector<Reader>& registry() {
  static std::vector<Reader> readers;
  return readers;
}

}  // namespace

std::vector<std::string> ReaderContext::input_names() const {
  std::vector<std::string> names;
  for (const auto& name : order) {
    if (inputs.contains(name)) names.push_back(name);
  }
  for (const auto& [name, type] : inputs) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void register_reader(Reader reader) { registry().push_back(std::move(reader)); }

std::vector<const Reader*> all_readers() {
  std::vector<const Reader*> out;
  for (const auto& reader : registry()) out.push_back(&reader);
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->format < b->format; });
  return out;
}

Result<std::unique_ptr<Dataset>> open_dataset(const nlohmann::json& data, const ReaderContext& context) {
  if (!data.is_object()) return usage_error("{}: expected an object, found {}", context.place, json_found(data));
  std::vector<std::string> formats;
  for (const auto* reader : all_readers()) formats.push_back(reader->format);
  const auto format = data.find("format");
  if (format == data.end() || !format->is_string())
    return usage_error("{}/format: expected one of {}, found {}", context.place, list_words(formats),
                       format == data.end() ? "none" : json_found(*format));
  for (const auto* reader : all_readers()) {
    if (reader->format == *format) return reader->open(data, context);
  }
  const auto word = nearest(format->get<std::string>(), formats);
  return usage_error("{}/format: expected one of {}, found {}{}", context.place, list_words(formats), json_found(*format),
                     word.empty() ? "" : "; did you mean \"" + word + "\"?");
}

Result<std::string> only_input(const ReaderContext& context, std::string_view format) {
  if (context.inputs.empty()) return "input_0";
  if (context.inputs.size() == 1) return context.inputs.begin()->first;
  const auto names = context.input_names();
  return usage_error("{}: the format {} gives one input, and the network has {}; use \"npz\" with an array for each", context.place,
                     format, list_words(names));
}

std::optional<Type> known_type(const ReaderContext& context, const std::string& name) {
  const auto found = context.inputs.find(name);
  return found == context.inputs.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace fastc
