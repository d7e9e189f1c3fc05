// The tokens a network knows: a file with one on each line, numbered from 0 (BERT's vocab.txt).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace fastc {

class Vocabulary {
 public:
  // UTF-8, lines ended by LF or CRLF; an empty line in between is a token too, so that numbers stay those of the lines. Of a
  // token that stands twice the later number counts, as in BERT's own loader.
  static Result<Vocabulary> read(const std::filesystem::path& path);

  std::optional<int32_t> find(std::string_view token) const;
  // The number of a token that must be there; `why` says what for.
  Result<int32_t> need(std::string_view token, std::string_view why) const;
  int64_t size() const { return size_; }
  size_t longest() const { return longest_; }  // bytes

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> numbers_;
  std::string path_;
  int64_t size_ = 0;
  size_t longest_ = 0;
};

}  // namespace fastc
