// Tables kept as text, read a row at a time out of a mapped file: a file of any size costs eight bytes a row of memory, and a row
// at most kLongestRow. The whole file is checked when it is opened (UTF-8, quotes, number of fields, JSON), so that nothing is
// left to go wrong in the middle of training; messages name the line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace fastc {

inline constexpr size_t kLongestRow = size_t{1} << 20;  // bytes
inline constexpr size_t kMostFields = 65536;

class Table {
 public:
  virtual ~Table() = default;
  virtual int64_t rows() const = 0;
  // The chosen columns of one row, in the order they were chosen.
  virtual Status read(int64_t row, std::vector<std::string>& cells) const = 0;
  virtual std::string where(int64_t row) const = 0;  // "data.csv, line 12": where the row begins
};

struct Delimited {
  char separator = ',';
  bool quotes = true;  // a field may stand in quotes (RFC 4180), and every row has as many fields as the first; else quotes are text
  bool header = true;  // the first row holds the columns' names
};

// `columns`: names of the header, or numbers from 1. Blank lines are passed over. `limit`: rows read at most, and checked.
Result<std::unique_ptr<Table>> open_delimited(const std::filesystem::path& path, const Delimited& format, const std::vector<std::string>& columns,
                                              std::optional<int64_t> limit);
// One JSON object on each line; `columns` are keys, whose values are texts, numbers, true or false.
Result<std::unique_ptr<Table>> open_json_lines(const std::filesystem::path& path, const std::vector<std::string>& columns, std::optional<int64_t> limit);

// One row at the start of `text`, which is not empty: its fields, and how many bytes it took with its line's end. For tests and fuzzing.
Result<size_t> read_delimited(std::string_view text, const Delimited& format, std::vector<std::string>& fields);

}  // namespace fastc
