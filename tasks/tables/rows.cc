#include "tasks/tables/rows.h"

#include <algorithm>

#include "tasks/text/unicode.h"

namespace fastc {
namespace {

// Bytes of the blank line that `text` begins with, or 0.
size_t blank_line(std::string_view text) {
  if (text.starts_with('\n')) return 1;
  if (text.starts_with("\r\n")) return 2;
  return 0;
}

}  // namespace

Result<RowFile> RowFile::open(const std::filesystem::path& path) {
  RowFile out;
  FASTC_TRY(out.file_, MappedFile::open(path));
  const auto bytes = out.file_->bytes();
  out.text_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return out;
}

Status RowFile::scan(const TakeRow& row, std::optional<int64_t> limit) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  size_t at = text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (at < text_.size() && (!limit || rows() < *limit)) {
    if (const size_t blank = blank_line(text_.substr(at))) {
      at += blank;
      continue;
    }
    auto taken = row(text_.substr(at, kLongestRow + 1));
    if (!taken) return fastc::at(where_at(at), std::move(taken).error());
    if (*taken > kLongestRow)
      return input_error("{}: expected a row of at most {} bytes, found a longer one; is a closing quote or a line's end missing?", where_at(at), kLongestRow);
    const std::string_view bytes = text_.substr(at, *taken);
    if (const auto bad = first_bad_utf8(bytes))
      return input_error("{}: expected UTF-8, found the byte {:#04x} at offset {} of the file", where_at(at), static_cast<unsigned char>(bytes[*bad]), at + *bad);
    starts_.push_back(at);
    at += *taken;
  }
  return {};
}

std::string_view RowFile::rest(int64_t row) const { return text_.substr(starts_[static_cast<size_t>(row)], kLongestRow + 1); }

// Lines are counted only for a message.
std::string RowFile::where_at(size_t offset) const {
  return fmt::format("{}, line {}", file_->path().string(), 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

}  // namespace fastc
