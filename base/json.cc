#include "base/json.h"

#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/files.h"

namespace fastc {
namespace {

using nlohmann::json;

// Builds the value while it counts depth and compares keys, and stops at the first thing that is wrong. nlohmann's own
// builder keeps the last of two equal keys in silence: in a recipe that is a setting the user believes in and does not get.
class Builder final : public nlohmann::json_sax<json> {
 public:
  explicit Builder(size_t max_depth) : max_depth_(max_depth) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!open_.back()->emplace(name, nullptr).second) {
      problem = fmt::format("expected every key once, found \"{}\" again", name);
      return false;
    }
    key_ = name;
    return true;
  }

  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& error) override {
    position = at;
    problem = error.what();
    // "[json.exception…] parse error at line 1, column 2: syntax error …": our own message names the place.
    if (const auto bracket = problem.find("] "); bracket != std::string::npos) problem.erase(0, bracket + 2);
    if (problem.rfind("parse error", 0) == 0) {
      if (const auto colon = problem.find(": "); colon != std::string::npos) problem.erase(0, colon + 2);
    }
    // "last read: '…'" repeats input that may be long or unprintable, and its first character is at times missing.
    if (const auto read = problem.find("; last read: "); read != std::string::npos) {
      const auto rest = problem.rfind("; expected ");
      problem.erase(read, rest != std::string::npos && rest > read ? rest - read : std::string::npos);
    }
    return false;
  }

  json root;
  std::string problem;
  size_t position = 0;  // 0: not known

 private:
  json* put(json&& value, bool) {
    if (open_.empty()) return &(root = std::move(value));
    json& parent = *open_.back();
    if (parent.is_array()) return &parent.emplace_back(std::move(value));
    return &(parent[key_] = std::move(value));
  }
  bool put(json&& value) { return put(std::move(value), true) != nullptr; }
  bool open(json&& empty) {
    if (open_.size() >= max_depth_) {
      problem = fmt::format("expected at most {} levels of nesting, found more", max_depth_);
      return false;
    }
    open_.push_back(put(std::move(empty), true));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  size_t max_depth_;
  std::vector<json*> open_;
  std::string key_;
};

std::string line_and_column(std::string_view text, size_t position) {
  size_t line = 1, column = 1;
  for (const char c : text.substr(0, position > 0 ? position - 1 : 0)) {
    ++column;
    if (c == '\n') ++line, column = 1;
  }
  return fmt::format("line {}, column {}", line, column);
}

std::string cut(const std::string& text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return text;
  size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a UTF-8 character
  return text.substr(0, end) + "…";
}

}  // namespace

Result<json> parse_json(std::string_view text, std::string_view what, ErrorClass cls, JsonLimits limits) {
  if (text.size() > limits.max_bytes)
    return fail(cls, "{}: expected at most {} bytes of JSON, found {}", what, limits.max_bytes, text.size());
  Builder builder(limits.max_depth);
  try {
    if (json::sax_parse(text, &builder)) return std::move(builder.root);
  } catch (const std::exception& error) {  // none is known to come out of sax_parse; a room's border lets none through
    return fail(cls, "{}: {}", what, error.what());
  }
  if (builder.position == 0) return fail(cls, "{}: {}", what, builder.problem);
  return fail(cls, "{}, {}: {}", what, line_and_column(text, builder.position), builder.problem);
}

Result<json> read_json(const std::filesystem::path& path, ErrorClass cls, JsonLimits limits) {
  auto text = read_text(path, limits.max_bytes);
  if (!text) return fail(cls, "{}", text.error().message);
  return parse_json(*text, path.string(), cls, limits);
}

std::string json_child(std::string_view pointer, std::string_view key) {
  std::string out(pointer);
  out += '/';
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string json_child(std::string_view pointer, size_t index) { return fmt::format("{}/{}", pointer, index); }

std::string json_found(const json& value) {
  switch (value.type()) {
    case json::value_t::null: return "null";
    case json::value_t::boolean: return value.get<bool>() ? "true" : "false";
    case json::value_t::string: return fmt::format("the text \"{}\"", cut(value.get_ref<const std::string&>()));
    case json::value_t::array: return fmt::format("a list of {}", value.size());
    case json::value_t::object: return "an object";
    default: return fmt::format("the number {}", cut(value.dump()));
  }
}

std::string json_place(std::string_view pointer) { return std::string(pointer.empty() ? "the top level" : pointer); }

}  // namespace fastc
