// Options declared once. From one declaration come JSON parsing with range checks, the resolved values, help, the JSON Schema and
// the documentation. A declaration reads:
//
//   struct Options {
//     double ratio = 0.5;
//     std::string importance = "l1";
//     std::vector<std::string> include{"*"};
//     std::optional<double> goal;
//     Optimizer optimizer;
//   };
//   const OptionSet<Options>& options() {
//     static const auto set = OptionSet<Options>("Removes whole channels")
//         .number("ratio", &Options::ratio, "share of the channels that goes", range(0, 1))
//         .choice("importance", &Options::importance, {"l1", "taylor"}, "how a channel's worth is measured")
//         .texts("include", &Options::include, "which nodes (globs on names, or op:conv)")
//         .number("goal", &Options::goal, "share of the FLOPs that remains; absent: `ratio` decides", above(0).to(1))
//         .object("optimizer", &Options::optimizer, optimizer_options(), "how the weights are trained");
//     return set;
//   }
//   FASTC_TRY(const Options chosen, options().parse(json, "/pipeline/2"));
//
// Errors are kUsage and name the place: `/pipeline/2/ratio: expected a number from 0 to 1, found the number 1.5`. An unknown key
// is an error that names the nearest known one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/api.h"
#include "base/result.h"

namespace fastc {

struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  Range to(double value) const { return {low, value, low_open, false}; }
  Range below(double value) const { return {low, value, low_open, true}; }
  bool holds(double value) const {
    return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
  }
};
inline Range range(double low, double high) { return {low, high}; }
inline Range at_least(double low) { return Range{low}; }
inline Range above(double low) { return Range{.low = low, .low_open = true}; }

enum class OptionKind {
  kNumber, kInteger, kFlag, kText, kNumbers, kIntegers, kTexts, kTextMap, kJson, kObject, kObjects, kObjectMap
};

using OptionValue = std::variant<double, int64_t, bool, std::string, std::vector<double>, std::vector<int64_t>,
                                 std::vector<std::string>, std::map<std::string, std::string>,
                                 std::shared_ptr<const nlohmann::json>>;

class OptionTable;

// One declared option with its struct's type erased: `object` below is the address of the Options struct.
struct OptionField {
  std::string name;
  std::string help;
  OptionKind kind = OptionKind::kNumber;
  Range range;
  std::vector<std::string> choices;  // kText, kTexts: what may be said; empty: anything
  bool required = false;
  std::function<void(void* object, OptionValue value)> set;
  std::function<std::optional<OptionValue>(const void* object)> get;  // nullopt: an empty std::optional
  // Nested kinds only: their table, the way to a child (made when missing), and a walk over the children there are.
  std::shared_ptr<const OptionTable> table;
  std::function<void*(void* object, std::string_view key)> child;
  std::function<void(void* object)> clear;  // lists and maps: what is given replaces the default
  std::function<void(const void* object, const std::function<void(std::string_view key, const void* child)>&)> children;
};

// The part of an OptionSet that does not depend on the struct's type: what help, schema and registries see.
class FASTC_API OptionTable {
 public:
  const std::vector<OptionField>& fields() const { return fields_; }
  const std::string& summary() const { return summary_; }
  nlohmann::json schema() const;    // JSON Schema (draft 2020-12) of the object
  std::string help() const;         // a Markdown table: option, type, default, meaning; nested ones as `optimizer.lr`
  nlohmann::json defaults() const;  // what parse({}) gives; required options are absent

  // Fills `object` (an instance of the declared struct, holding its defaults) from `value`.
  Status parse_into(void* object, const nlohmann::json& value, std::string_view pointer) const;
  nlohmann::json write(const void* object) const;

 private:
  template <typename T>
  friend class OptionSet;
  void help_rows(std::string& out, const std::string& prefix) const;
  std::vector<OptionField> fields_;
  std::string summary_;
  std::shared_ptr<const void> defaults_;
  std::function<std::string(const void* object)> check_;
};

template <typename T>
class OptionSet {
 public:
  explicit OptionSet(std::string summary = {}) : table_(std::make_shared<OptionTable>()) {
    table_->summary_ = std::move(summary);
    table_->defaults_ = std::make_shared<const T>();
  }

  OptionSet& number(std::string name, double T::*m, std::string help, Range r = {}) {
    return scalar<double>(OptionKind::kNumber, std::move(name), m, std::move(help), r);
  }
  OptionSet& number(std::string name, std::optional<double> T::*m, std::string help, Range r = {}) {
    return maybe<double>(OptionKind::kNumber, std::move(name), m, std::move(help), r);
  }
  OptionSet& integer(std::string name, int64_t T::*m, std::string help, Range r = {}) {
    return scalar<int64_t>(OptionKind::kInteger, std::move(name), m, std::move(help), r);
  }
  OptionSet& integer(std::string name, int T::*m, std::string help, Range r = {}) {
    constexpr auto limits = std::numeric_limits<int>();  // the member cannot hold more, whatever was asked for
    r.low = std::max(r.low, double(limits.min())), r.high = std::min(r.high, double(limits.max()));
    return scalar<int64_t>(OptionKind::kInteger, std::move(name), m, std::move(help), r);
  }
  OptionSet& integer(std::string name, std::optional<int64_t> T::*m, std::string help, Range r = {}) {
    return maybe<int64_t>(OptionKind::kInteger, std::move(name), m, std::move(help), r);
  }
  OptionSet& flag(std::string name, bool T::*m, std::string help) {
    return scalar<bool>(OptionKind::kFlag, std::move(name), m, std::move(help));
  }
  OptionSet& text(std::string name, std::string T::*m, std::string help) {
    return scalar<std::string>(OptionKind::kText, std::move(name), m, std::move(help));
  }
  OptionSet& text(std::string name, std::optional<std::string> T::*m, std::string help) {
    return maybe<std::string>(OptionKind::kText, std::move(name), m, std::move(help));
  }
  OptionSet& choice(std::string name, std::string T::*m, std::vector<std::string> choices, std::string help) {
    scalar<std::string>(OptionKind::kText, std::move(name), m, std::move(help));
    table_->fields_.back().choices = std::move(choices);
    return *this;
  }
  OptionSet& numbers(std::string name, std::vector<double> T::*m, std::string help, Range r = {}) {
    return scalar<std::vector<double>>(OptionKind::kNumbers, std::move(name), m, std::move(help), r);
  }
  OptionSet& integers(std::string name, std::vector<int64_t> T::*m, std::string help, Range r = {}) {
    return scalar<std::vector<int64_t>>(OptionKind::kIntegers, std::move(name), m, std::move(help), r);
  }
  // A list of texts; a single text is taken as a list of one.
  OptionSet& texts(std::string name, std::vector<std::string> T::*m, std::string help,
                   std::vector<std::string> choices = {}) {
    scalar<std::vector<std::string>>(OptionKind::kTexts, std::move(name), m, std::move(help));
    table_->fields_.back().choices = std::move(choices);
    return *this;
  }
  OptionSet& text_map(std::string name, std::map<std::string, std::string> T::*m, std::string help) {
    return scalar<std::map<std::string, std::string>>(OptionKind::kTextMap, std::move(name), m, std::move(help));
  }
  // Whatever JSON stands there, for the caller to read. The struct's member is a nlohmann::json.
  template <typename Json, typename B>
  OptionSet& json(std::string name, Json B::*m, std::string help) {
    OptionField field{std::move(name), std::move(help), OptionKind::kJson};
    field.set = [m](void* o, OptionValue v) {
      static_cast<T*>(o)->*m = *std::get<std::shared_ptr<const nlohmann::json>>(v);
    };
    field.get = [m](const void* o) -> std::optional<OptionValue> {
      return std::make_shared<const Json>(static_cast<const T*>(o)->*m);
    };
    return add(std::move(field));
  }

  // Options inside options. (B: the struct itself, or a base of it that declares the member.)
  template <typename S, typename B>
  OptionSet& object(std::string name, S B::*m, const OptionSet<S>& options, std::string help) {
    auto child = [m](void* o, std::string_view) -> void* { return &(static_cast<T*>(o)->*m); };
    return nested(OptionKind::kObject, std::move(name), std::move(help), options, child,
                  [m](const void* o, const auto& visit) { visit("", &(static_cast<const T*>(o)->*m)); });
  }
  template <typename S, typename B>
  OptionSet& object(std::string name, std::optional<S> B::*m, const OptionSet<S>& options, std::string help) {
    auto child = [m](void* o, std::string_view) -> void* { return &(static_cast<T*>(o)->*m).emplace(); };
    return nested(OptionKind::kObject, std::move(name), std::move(help), options, child,
                  [m](const void* o, const auto& visit) {
                    if (const auto& value = static_cast<const T*>(o)->*m) visit("", &*value);
                  });
  }
  template <typename S, typename B>
  OptionSet& objects(std::string name, std::vector<S> B::*m, const OptionSet<S>& options, std::string help) {
    auto child = [m](void* o, std::string_view) -> void* { return &(static_cast<T*>(o)->*m).emplace_back(); };
    nested(OptionKind::kObjects, std::move(name), std::move(help), options, child,
           [m](const void* o, const auto& visit) {
             for (const auto& value : static_cast<const T*>(o)->*m) visit("", &value);
           });
    table_->fields_.back().clear = [m](void* o) { (static_cast<T*>(o)->*m).clear(); };
    return *this;
  }
  template <typename S, typename B>
  OptionSet& object_map(std::string name, std::map<std::string, S> B::*m, const OptionSet<S>& options,
                        std::string help) {
    auto child = [m](void* o, std::string_view key) -> void* { return &(static_cast<T*>(o)->*m)[std::string(key)]; };
    nested(OptionKind::kObjectMap, std::move(name), std::move(help), options, child,
           [m](const void* o, const auto& visit) {
             for (const auto& [key, value] : static_cast<const T*>(o)->*m) visit(key, &value);
           });
    table_->fields_.back().clear = [m](void* o) { (static_cast<T*>(o)->*m).clear(); };
    return *this;
  }

  // Says of the option declared last that it must be given.
  OptionSet& required() {
    table_->fields_.back().required = true;
    return *this;
  }
  // A rule over several options, run after parsing: returns "" or a sentence that says what was expected and found.
  OptionSet& check(std::function<std::string(const T&)> rule) {
    table_->check_ = [rule = std::move(rule)](const void* o) { return rule(*static_cast<const T*>(o)); };
    return *this;
  }

  Result<T> parse(const nlohmann::json& value, std::string_view pointer = {}) const {
    T chosen{};
    FASTC_CHECK(table_->parse_into(&chosen, value, pointer));
    return chosen;
  }
  template <typename Json = nlohmann::json>  // a template so that the header needs only json_fwd
  Json to_json(const T& chosen) const {
    return dependent<Json>(*table_).write(&chosen);
  }
  template <typename Json = nlohmann::json>
  Json schema() const {
    return dependent<Json>(*table_).schema();
  }
  template <typename Json = nlohmann::json>
  Json defaults() const {
    return dependent<Json>(*table_).defaults();
  }
  std::string help() const { return table_->help(); }
  const OptionTable& table() const { return *table_; }
  std::shared_ptr<const OptionTable> shared_table() const { return table_; }

 private:
  // Keeps the call from being looked at before Json is known (clang wants a whole type otherwise).
  template <typename Json>
  static const OptionTable& dependent(const OptionTable& table) {
    return table;
  }

  template <typename V, typename M>
  OptionSet& scalar(OptionKind kind, std::string name, M m, std::string help, Range r = {}) {
    OptionField field{std::move(name), std::move(help), kind, r};
    field.set = [m](void* o, OptionValue v) {
      auto& member = static_cast<T*>(o)->*m;
      member = static_cast<std::remove_reference_t<decltype(member)>>(std::get<V>(std::move(v)));
    };
    field.get = [m](const void* o) -> std::optional<OptionValue> {
      return OptionValue(std::in_place_type<V>, static_cast<const T*>(o)->*m);
    };
    return add(std::move(field));
  }
  template <typename V, typename M>
  OptionSet& maybe(OptionKind kind, std::string name, M m, std::string help, Range r = {}) {
    OptionField field{std::move(name), std::move(help), kind, r};
    field.set = [m](void* o, OptionValue v) { static_cast<T*>(o)->*m = std::get<V>(std::move(v)); };
    field.get = [m](const void* o) -> std::optional<OptionValue> {
      const auto& value = static_cast<const T*>(o)->*m;
      return value ? std::optional<OptionValue>(std::in_place, std::in_place_type<V>, *value) : std::nullopt;
    };
    return add(std::move(field));
  }
  template <typename S, typename Child, typename Children>
  OptionSet& nested(OptionKind kind, std::string name, std::string help, const OptionSet<S>& options, Child child,
                    Children children) {
    OptionField field{std::move(name), std::move(help), kind};
    field.table = options.shared_table();
    field.child = std::move(child);
    field.children = std::move(children);
    return add(std::move(field));
  }
  OptionSet& add(OptionField field) {
    table_->fields_.push_back(std::move(field));
    return *this;
  }
  std::shared_ptr<OptionTable> table_;
};

}  // namespace fastc
