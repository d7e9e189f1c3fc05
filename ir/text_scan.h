// Tokens of ir/text.h, with the place each stands at. Used by the parser only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "ir/dim.h"

namespace fastc::text {

struct Place {
  size_t line = 1, column = 1;  // from 1; columns count bytes
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Place place();  // of the next token
  bool at_end();
  bool peek(std::string_view token);  // a word is not the beginning of a longer word
  bool take(std::string_view token);
  Status expect(std::string_view token);
  Status expect_character(char c);  // also where a longer word goes on: the x of 4x8

  std::string_view word();               // letters, digits and _; empty when none stands here
  std::string_view bare_name();          // characters that a name may have without quotes
  Result<std::string> name(char sigil);  // %name, @"quoted name"
  Result<std::string> quoted();
  Result<int64_t> integer();
  std::string_view number();  // characters of a number: also nan, -inf, 0x1p-3, nan:7fc00001
  Result<Dim> dim();          // up to a `,` `]` `)` or `}` outside brackets

  // "3:14: expected {what}, found …" with the next token, or with `found`.
  tl::unexpected<Error> expected(std::string_view what);
  static tl::unexpected<Error> error(Place place, std::string_view message);

 private:
  void skip();  // spaces and comments
  void advance(size_t characters);
  std::string found();

  std::string_view text_;
  size_t at_ = 0;
  Place place_;
};

bool name_character(char c);  // of an unquoted name

}  // namespace fastc::text
