// CSV as RFC 4180 has it, and TSV (IANA's text/tab-separated-values: no quoting). Lines end in LF or CRLF. With quotes a field may
// stand in them, "" inside means one, and separators and line ends inside are text; a quote anywhere else is an error, because
// guessing would move texts and labels against each other.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "tasks/tables/rows.h"
#include "tasks/tables/table.h"

namespace fastc {
namespace {

bool ends_line(std::string_view text, size_t at) { return text[at] == '\n' || (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n'); }

// Both return where the field ends: at a separator, a line's end, or the end of the text.
Result<size_t> read_plain(std::string_view text, size_t at, const Delimited& format, std::string& field) {
  const size_t begin = at;
  while (at < text.size() && text[at] != format.separator && !ends_line(text, at)) {
    if (format.quotes && text[at] == '"')
      return input_error("expected no quote inside a field that does not begin with one, found one at character {}; put the field in quotes and write \"\" for a quote", at + 1);
    ++at;
  }
  field.assign(text.substr(begin, at - begin));
  return at;
}

Result<size_t> read_quoted(std::string_view text, size_t at, const Delimited& format, std::string& field) {
  while (true) {
    const size_t quote = text.find('"', at + 1);
    if (quote == std::string_view::npos) {
      if (text.size() > kLongestRow) return text.size();  // the caller says that the row is too long
      return input_error("expected a closing quote, found the end of the file");
    }
    field.append(text.substr(at + 1, quote - at - 1));
    at = quote + 1;
    if (at == text.size() || text[at] == format.separator || ends_line(text, at)) return at;
    if (text[at] != '"') return input_error("expected a separator or the line's end after a closing quote, found '{}'", text[at]);
    field += '"';
  }
}

class DelimitedTable final : public Table {
 public:
  DelimitedTable(RowFile file, Delimited format, std::vector<size_t> columns) : file_(std::move(file)), format_(format), columns_(std::move(columns)) {}
  int64_t rows() const override { return file_.rows(); }
  std::string where(int64_t row) const override { return file_.where(row); }
  Status read(int64_t row, std::vector<std::string>& cells) const override {
    std::vector<std::string> fields;
    const auto taken = read_delimited(file_.rest(row), format_, fields);
    if (!taken) return at(where(row), taken.error());
    cells.clear();
    for (const size_t column : columns_) {
      if (column >= fields.size()) return input_error("{}: the file changed while it was read", where(row));
      cells.push_back(fields[column]);
    }
    return {};
  }

 private:
  RowFile file_;
  Delimited format_;
  std::vector<size_t> columns_;
};

// A name of the header, or a number from 1.
Result<size_t> find_column(const std::string& column, const Delimited& format, const std::vector<std::string>& first) {
  if (format.header) {
    const auto found = std::find(first.begin(), first.end(), column);
    if (found != first.end() && std::find(found + 1, first.end(), column) != first.end())
      return input_error("expected one column \"{}\" in the header, found two", column);
    if (found != first.end()) return static_cast<size_t>(found - first.begin());
  }
  size_t number = 0;
  const auto [end, problem] = std::from_chars(column.data(), column.data() + column.size(), number);
  if (problem == std::errc() && end == column.data() + column.size() && number >= 1 && number <= first.size()) return number - 1;
  if (!format.header) return input_error("expected a column's number from 1 to {}, found \"{}\"", first.size(), column);
  const std::string near = nearest(column, first);
  return input_error("expected the column \"{}\" in the header, found {}{}", column, list_words(first), near.empty() ? "" : "; did you mean \"" + near + "\"?");
}

}  // namespace

Result<size_t> read_delimited(std::string_view text, const Delimited& format, std::vector<std::string>& fields) {
  fields.clear();
  size_t at = 0;
  while (true) {
    if (fields.size() == kMostFields) return input_error("expected at most {} fields in a row, found more", kMostFields);
    const bool quoted = format.quotes && at < text.size() && text[at] == '"';
    std::string& field = fields.emplace_back();
    FASTC_TRY(at, quoted ? read_quoted(text, at, format, field) : read_plain(text, at, format, field));
    if (at >= text.size()) return at;
    if (text[at] != format.separator) return at + (text[at] == '\r' ? 2 : 1);
    ++at;
  }
}

Result<std::unique_ptr<Table>> open_delimited(const std::filesystem::path& path, const Delimited& format, const std::vector<std::string>& columns,
                                              std::optional<int64_t> limit) {
  FASTC_TRY(RowFile file, RowFile::open(path));
  std::vector<std::string> first, fields;
  std::vector<size_t> chosen;
  size_t least = 0;
  const auto take = [&](std::string_view rest) -> Result<size_t> {
    FASTC_TRY(const size_t taken, read_delimited(rest, format, fields));
    if (taken > kLongestRow) return taken;
    if (first.empty()) {
      first = fields;
      for (const auto& column : columns) {
        FASTC_TRY(const size_t number, find_column(column, format, first));
        chosen.push_back(number);
        least = std::max(least, number + 1);
      }
    }
    if (format.quotes ? fields.size() != first.size() : fields.size() < least)
      return input_error("expected {} fields, {}, found {}", format.quotes ? first.size() : least, format.quotes ? "as in the first row" : "as the last column asked for", fields.size());
    return taken;
  };
  if (limit && format.header) ++*limit;
  FASTC_CHECK(file.scan(take, limit));
  if (file.rows() < (format.header ? 2 : 1)) return input_error("{}: expected rows{}, found none", path.string(), format.header ? " below a header" : "");
  if (format.header) file.drop_first();
  return std::make_unique<DelimitedTable>(std::move(file), format, std::move(chosen));
}

}  // namespace fastc
