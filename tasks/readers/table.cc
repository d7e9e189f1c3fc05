// CSV, TSV and JSON lines: texts through a tokenizer, or numbers as features, and labels. A row is read and tokenized when its
// batch is asked for; labels and numbers of all rows are checked when the file is opened.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "tasks/array_dataset.h"
#include "tasks/readers/reader.h"
#include "tasks/tables/table.h"
#include "tasks/text/tokenizer.h"

namespace fastc {
namespace {

struct Options : SampleOptions {
  std::string path, separator = ",";
  bool header = true;
  std::vector<std::string> text, features;
  std::optional<std::string> label, labels;
  std::optional<TokenizerOptions> tokenizer;
  std::map<std::string, std::string> inputs;
};

std::string check(const Options& o) {
  if (o.text.empty() && o.features.empty()) return "expected the key \"text\" (columns of texts) or \"features\" (columns of numbers), found neither";
  if (o.text.size() > 2) return fmt::format("text: expected one column, or two that make a pair, found {}", o.text.size());
  if (!o.text.empty() && !o.tokenizer) return "expected the key \"tokenizer\" for the texts, found none";
  if (o.labels && !o.label) return "expected the key \"label\" (a column) beside \"labels\", found none";
  if (o.separator.size() != 1 || o.separator == "\"" || o.separator == "\n" || o.separator == "\r") return "separator: expected one character, as \",\" or \";\"";
  return "";
}

enum class Format { kCsv, kTsv, kJsonLines };

OptionSet<Options> declare(Format format, const char* name, std::string summary) {
  const std::string columns = format == Format::kJsonLines ? "keys" : "columns, by the header's names or by numbers from 1";
  OptionSet<Options> set(std::move(summary));
  set.choice("format", &Options::format, {name}, "what the file is").required();
  set.text("path", &Options::path, "the file").required();
  if (format != Format::kJsonLines) set.flag("header", &Options::header, "the first row holds the columns' names");
  if (format == Format::kCsv) set.text("separator", &Options::separator, "what stands between two fields");
  set.texts("text", &Options::text, columns + ": one text, or the two of a pair")
      .object("tokenizer", &Options::tokenizer, tokenizer_options(), "how texts become numbers")
      .texts("features", &Options::features, columns + ": numbers, which make one vector")
      .text("label", &Options::label, "what is right: a class (0, 1, …, or a name of `labels`), or a number (regression)")
      .text("labels", &Options::labels, "a file with the name of a class on each line, numbered from 0")
      .text_map("inputs", &Options::inputs, "what goes to which input: \"ids\", \"mask\", \"types\" or \"features\"; absent: by the inputs' names")
      .integer("limit", &Options::limit, "only the first so many rows", at_least(1))
      .object("normalize", &Options::normalize, normalize_options(), "of features: (x - mean) / std, in each")
      .check(check);
  return set;
}

// The opened file with all that turns a row into samples; shared by the columns of the data set.
struct Source {
  std::unique_ptr<Table> table;
  std::optional<Tokenizer> tokenizer;
  size_t texts = 0, features = 0;  // cells of a row: texts, then features, then the label
};

Result<double> number_of(const std::string& cell) {
  double value = 0;
  const char* end = cell.data() + cell.size();
  const auto [last, problem] = std::from_chars(cell.data(), end, value);
  if (problem != std::errc() || last != end || !std::isfinite(value)) return input_error("expected a number, found \"{}\"", cell);
  return value;
}

// What goes to an input that the recipe does not name.
std::string role_by_name(const std::string& input, const Options& options) {
  if (options.text.empty()) return "features";
  if (input.find("mask") != std::string::npos) return "mask";
  if (input.find("type") != std::string::npos || input.find("segment") != std::string::npos) return "types";
  return options.features.empty() || input.find("feature") == std::string::npos ? "ids" : "features";
}

using Roles = std::vector<std::pair<std::string, std::string>>;  // (input, what goes there), in forward's order

Result<Roles> roles_of(const Options& options, const ReaderContext& context) {
  auto names = context.input_names();
  if (names.empty()) names = {"input_0"};
  for (const auto& [input, role] : options.inputs) {
    if (std::find(names.begin(), names.end(), input) == names.end())
      return usage_error("{}/inputs: expected names of the network's inputs ({}), found \"{}\"", context.place, list_words(names), input);
    const bool known = role == "features" ? !options.features.empty() : (role == "ids" || role == "mask" || role == "types") && !options.text.empty();
    if (!known) return usage_error("{}/inputs/{}: expected \"ids\", \"mask\" or \"types\" of a text, or \"features\", that the data set has, found \"{}\"", context.place, input, role);
  }
  Roles roles;
  std::vector<std::string> ids;
  for (const auto& name : names) {
    const auto given = options.inputs.find(name);
    roles.emplace_back(name, given == options.inputs.end() ? role_by_name(name, options) : given->second);
    if (roles.back().second == "ids") ids.push_back(name);
  }
  if (ids.size() > 1) return usage_error("{}: {} would all take the ids of the text; say with \"inputs\" what goes where", context.place, list_words(ids));
  return roles;
}

// From the recipe, else the constant length that the network's input of ids has.
int64_t length_for(const Options& options, const ReaderContext& context, const Roles& roles) {
  if (options.tokenizer->max_length) return *options.tokenizer->max_length;
  for (const auto& [input, role] : roles) {
    const auto type = known_type(context, input);
    if (role == "ids" && type && type->shape.size() == 2 && type->shape[1].is_constant()) return type->shape[1].constant();
  }
  return 128;
}

Result<Column> column_for(const std::string& role, std::shared_ptr<const Source> source) {
  const int64_t rows = source->table->rows(), length = source->tokenizer ? source->tokenizer->length() : 0;
  Column column;
  column.made = rows;
  if (role == "features") {
    column.stored = Stored::kF64;
    column.shape = {static_cast<int64_t>(source->features)};
    column.make = [source](int64_t row, std::byte* out) -> Status {
      std::vector<std::string> cells;
      FASTC_CHECK(source->table->read(row, cells));
      for (size_t i = 0; i < source->features; ++i) {
        FASTC_TRY(const double value, number_of(cells[source->texts + i]));
        std::memcpy(out + i * sizeof(double), &value, sizeof(double));
      }
      return {};
    };
    return column;
  }
  column.stored = role == "mask" ? Stored::kBool : Stored::kI32;
  column.shape = {length};
  column.make = [source, role](int64_t row, std::byte* out) -> Status {
    std::vector<std::string> cells;
    FASTC_CHECK(source->table->read(row, cells));
    const Tokens tokens = source->tokenizer->encode(std::span(cells).first(source->texts));
    if (role == "mask") std::memcpy(out, tokens.mask.data(), tokens.mask.size());
    const auto& numbers = role == "types" ? tokens.types : tokens.ids;
    if (role != "mask") std::memcpy(out, numbers.data(), numbers.size() * sizeof(int32_t));
    return {};
  };
  return column;
}

// A class's name → its number.
class ClassNames {
 public:
  static Result<ClassNames> read(const std::filesystem::path& path) {
    FASTC_TRY(const std::string text, read_text(path));
    ClassNames out;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string name = text.substr(at, end - at);
      if (name.ends_with('\r')) name.pop_back();
      at = end + 1;
      if (name.empty() || std::find(out.names_.begin(), out.names_.end(), name) != out.names_.end())
        return input_error("{}, line {}: expected the name of another class, found \"{}\"", path.string(), out.names_.size() + 1, name);
      out.names_.push_back(std::move(name));
    }
    if (out.names_.empty()) return input_error("{}: expected the name of a class on each line, found none", path.string());
    return out;
  }
  Result<int64_t> number(const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);  // tens of classes, once a row
    if (found != names_.end()) return found - names_.begin();
    const std::string near = nearest(name, names_);
    return input_error("expected a class as label ({}), found \"{}\"{}", list_words(names_), name, near.empty() ? "" : "; did you mean \"" + near + "\"?");
  }

 private:
  std::vector<std::string> names_;
};

Result<int64_t> class_of(const std::string& cell, const std::optional<ClassNames>& names) {
  if (names) return names->number(cell);
  int64_t value = 0;
  const char* end = cell.data() + cell.size();
  const auto [last, problem] = std::from_chars(cell.data(), end, value);
  if (problem == std::errc() && last == end && value >= 0) return value;
  return input_error("expected a class's number as label, found \"{}\"; name the classes in a file and that file as \"labels\"", cell);
}

// Reads every row once: numbers must be numbers, and labels are kept, eight bytes each.
Result<std::optional<Column>> read_labels(const Options& options, const ReaderContext& context, const Source& source) {
  std::optional<ClassNames> names;
  if (options.labels) {
    FASTC_TRY(names, ClassNames::read(context.resolve(*options.labels)));
  }
  const bool classes = context.labels == DType::kI64;
  const auto stored = std::make_shared<std::vector<int64_t>>();  // classes, or the bits of doubles
  std::vector<std::string> cells;
  for (int64_t row = 0; row < source.table->rows() && (options.label || source.features > 0); ++row) {
    FASTC_CHECK(source.table->read(row, cells));
    for (size_t i = 0; i < source.features; ++i) {
      if (auto value = number_of(cells[source.texts + i]); !value) return at(source.table->where(row), value.error());
    }
    if (!options.label) continue;
    if (classes) {
      auto value = class_of(cells.back(), names);
      if (!value) return at(source.table->where(row), value.error());
      stored->push_back(*value);
    } else {
      auto value = number_of(cells.back());
      if (!value) return at(source.table->where(row) + ", label", value.error());
      stored->push_back(std::bit_cast<int64_t>(*value));
    }
  }
  if (!options.label) return std::nullopt;
  const auto* bytes = reinterpret_cast<const std::byte*>(stored->data());
  return Column{{{bytes, source.table->rows(), stored}}, classes ? Stored::kI64 : Stored::kF64, {}, sizeof(int64_t)};
}

Result<std::unique_ptr<Table>> open_table(const Options& options, const ReaderContext& context, Format format) {
  std::vector<std::string> columns = options.text;
  columns.insert(columns.end(), options.features.begin(), options.features.end());
  if (options.label) columns.push_back(*options.label);
  const auto path = context.resolve(options.path);
  if (format == Format::kJsonLines) return open_json_lines(path, columns, options.limit);
  const bool csv = format == Format::kCsv;
  return open_delimited(path, {csv ? options.separator[0] : '\t', csv, options.header}, columns, options.limit);
}

// Numbers of a text are i64 where the network does not say.
Type wanted_type(const ReaderContext& context, const std::string& input, const Column& column) {
  if (const auto type = known_type(context, input); type && !type->shape.empty()) return *type;
  const DType dtype = column.stored == Stored::kF64 ? DType::kF32 : DType::kI64;
  return {dtype, {Dim::symbol("N"), Dim(column.shape[0])}, {}};
}

Result<std::unique_ptr<Dataset>> open(const Options& options, const ReaderContext& context, Format format) {
  FASTC_TRY(const Roles roles, roles_of(options, context));
  const auto source = std::make_shared<Source>();
  source->texts = options.text.size(), source->features = options.features.size();
  if (source->texts > 0) {
    FASTC_TRY(source->tokenizer, Tokenizer::make(*options.tokenizer, context.folder, length_for(options, context, roles), json_child(context.place, "tokenizer")));
  }
  FASTC_TRY(source->table, open_table(options, context, format));
  FASTC_TRY(auto labels, read_labels(options, context, *source));
  std::vector<NamedColumn> columns;
  for (const auto& [input, role] : roles) {
    FASTC_TRY(Column column, column_for(role, source));
    const Type wanted = wanted_type(context, input, column);
    columns.push_back({input, std::move(column), wanted});
  }
  return make_array_dataset(std::move(columns), std::move(labels), options, context);
}

template <Format format>
Result<std::unique_ptr<Dataset>> open_as(const Options& options, const ReaderContext& context) {
  return open(options, context, format);
}
const OptionSet<Options>& csv() {
  static const auto set = declare(Format::kCsv, "csv", "Comma-separated values (RFC 4180): texts or numbers, and labels");
  return set;
}
const OptionSet<Options>& tsv() {
  static const auto set = declare(Format::kTsv, "tsv", "Tab-separated values, without quoting: texts or numbers, and labels");
  return set;
}
const OptionSet<Options>& json_lines() {
  static const auto set = declare(Format::kJsonLines, "jsonl", "A JSON object on each line: texts or numbers, and labels");
  return set;
}

FASTC_REGISTER_READER(csv, "csv", csv, open_as<Format::kCsv>);
FASTC_REGISTER_READER(tsv, "tsv", tsv, open_as<Format::kTsv>);
FASTC_REGISTER_READER(jsonl, "jsonl", json_lines, open_as<Format::kJsonLines>);

}  // namespace
}  // namespace fastc
