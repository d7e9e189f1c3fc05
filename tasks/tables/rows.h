// Where the rows of a text file begin: what both kinds of table share.
#pragma once

#include <functional>
#include <string_view>

#include "base/files.h"
#include "tasks/tables/table.h"

namespace fastc {

class RowFile {
 public:
  static Result<RowFile> open(const std::filesystem::path& path);

  // Calls `row` at the start of every line that is not blank, with the rest of the file cut to one byte more than a row may
  // take; it returns how many bytes the row took. Its errors are given the place.
  using TakeRow = std::function<Result<size_t>(std::string_view rest)>;
  Status scan(const TakeRow& row, std::optional<int64_t> limit);

  int64_t rows() const { return static_cast<int64_t>(starts_.size()); }
  std::string_view rest(int64_t row) const;  // as `scan` gave it
  std::string where(int64_t row) const { return where_at(starts_[static_cast<size_t>(row)]); }
  void drop_first() { starts_.erase(starts_.begin()); }  // a header

 private:
  std::string where_at(size_t offset) const;
  std::shared_ptr<const MappedFile> file_;
  std::string_view text_;
  std::vector<uint64_t> starts_;
};

}  // namespace fastc
