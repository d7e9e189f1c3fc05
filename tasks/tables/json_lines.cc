// JSON lines (jsonlines.org): one object on each line, UTF-8.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "tasks/tables/rows.h"
#include "tasks/tables/table.h"

namespace fastc {
namespace {

using nlohmann::json;

size_t line_bytes(std::string_view rest) {
  const size_t end = rest.find('\n');
  return end == std::string_view::npos ? rest.size() : end + 1;
}

Result<std::string> cell_of(const json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    std::vector<std::string> keys;
    for (const auto& item : object.items()) keys.push_back(item.key());
    const std::string near = nearest(key, keys);
    return input_error("expected the key \"{}\", found {}{}", key, keys.empty() ? "none" : list_words(keys), near.empty() ? "" : "; did you mean \"" + near + "\"?");
  }
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number() || found->is_boolean()) return found->dump();
  return input_error("expected a text or a number at \"{}\", found {}", key, json_found(*found));
}

Status read_line(std::string_view line, const std::vector<std::string>& columns, std::vector<std::string>& cells) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  auto parsed = parse_json(line, "JSON", ErrorClass::kInput, {.max_bytes = kLongestRow});
  if (!parsed) {
    Error error = std::move(parsed).error();
    constexpr std::string_view kPlace = "JSON, line 1, ";  // the line is named by who reads the file
    if (error.message.starts_with(kPlace)) error.message.erase(0, kPlace.size());
    return tl::unexpected(std::move(error));
  }
  if (!parsed->is_object()) return input_error("expected a JSON object, found {}", json_found(*parsed));
  cells.clear();
  for (const auto& column : columns) {
    FASTC_TRY(std::string cell, cell_of(*parsed, column));
    cells.push_back(std::move(cell));
  }
  return {};
}

class JsonLines final : public Table {
 public:
  JsonLines(RowFile file, std::vector<std::string> columns) : file_(std::move(file)), columns_(std::move(columns)) {}
  int64_t rows() const override { return file_.rows(); }
  std::string where(int64_t row) const override { return file_.where(row); }
  Status read(int64_t row, std::vector<std::string>& cells) const override {
    const std::string_view rest = file_.rest(row);
    auto status = read_line(rest.substr(0, line_bytes(rest)), columns_, cells);
    return status ? Status{} : at(where(row), std::move(status).error());
  }

 private:
  RowFile file_;
  std::vector<std::string> columns_;
};

}  // namespace

Result<std::unique_ptr<Table>> open_json_lines(const std::filesystem::path& path, const std::vector<std::string>& columns, std::optional<int64_t> limit) {
  FASTC_TRY(RowFile file, RowFile::open(path));
  std::vector<std::string> cells;
  FASTC_CHECK(file.scan(
      [&](std::string_view rest) -> Result<size_t> {
        const size_t bytes = line_bytes(rest);
        if (bytes <= kLongestRow) FASTC_CHECK(read_line(rest.substr(0, bytes), columns, cells));
        return bytes;
      },
      limit));
  if (file.rows() == 0) return input_error("{}: expected a JSON object on each line, found none", path.string());
  return std::make_unique<JsonLines>(std::move(file), columns);
}

}  // namespace fastc
