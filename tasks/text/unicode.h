// What the readers and tokenizers ask of Unicode. The tables are utf8proc's (Unicode 14 in Debian 12).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fastc {

// Offset of the first byte that does not belong to well-formed UTF-8 (overlong forms and surrogates are not well-formed).
std::optional<size_t> first_bad_utf8(std::string_view text);

std::u32string decode_utf8(std::string_view text);  // what is not well-formed becomes U+FFFD, byte by byte
std::string encode_utf8(std::u32string_view text);

bool is_control(char32_t c);         // categories Cc, Cf, Co, Cs; not tab, line feed, carriage return
bool is_whitespace(char32_t c);      // the property White_Space
bool is_punctuation(char32_t c);     // categories P*, and ASCII's $ + < = > ^ ` | ~, which Unicode counts among symbols
bool is_cjk(char32_t c);             // ideographs: CJK Unified, its extensions A to E, and the compatibility blocks
bool is_nonspacing_mark(char32_t c); // category Mn

// Letters and their accents apart (NFD without reordering, which nothing here sees: the marks are dropped or kept as a whole).
std::u32string decompose(std::u32string_view text);
std::u32string lower_case(std::u32string_view text);

}  // namespace fastc
