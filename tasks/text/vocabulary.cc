#include "tasks/text/vocabulary.h"

#include <algorithm>

#include "base/files.h"
#include "tasks/text/unicode.h"

namespace fastc {

Result<Vocabulary> Vocabulary::read(const std::filesystem::path& path) {
  FASTC_TRY(const std::string text, read_text(path));
  Vocabulary out;
  out.path_ = path.string();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view token = std::string_view(text).substr(at, end - at);
    if (token.ends_with('\r')) token.remove_suffix(1);
    if (const auto bad = first_bad_utf8(token))
      return input_error("{}, line {}: expected UTF-8, found the byte {:#04x}", out.path_, out.size_ + 1, static_cast<unsigned char>(token[*bad]));
    out.numbers_.insert_or_assign(std::string(token), static_cast<int32_t>(out.size_++));
    out.longest_ = std::max(out.longest_, token.size());
    at = end + 1;
  }
  if (out.size_ == 0) return input_error("{}: expected a token on each line, found an empty file", out.path_);
  return out;
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  const auto found = numbers_.find(token);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

Result<int32_t> Vocabulary::need(std::string_view token, std::string_view why) const {
  if (const auto number = find(token)) return *number;
  return input_error("{}: expected the token \"{}\" ({}) among its {}, found none", path_, token, why, size_);
}

}  // namespace fastc
