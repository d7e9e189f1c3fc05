#include "ir/text_scan.h"

#include <cctype>
#include <charconv>

namespace fastc::text {
namespace {

bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

bool name_character(char c) { return word_character(c) || c == '.' || c == '$' || c == '#' || c == '/'; }

void Scanner::advance(size_t characters) {
  for (; characters > 0 && at_ < text_.size(); --characters, ++at_) {
    if (text_[at_] == '\n') {
      ++place_.line;
      place_.column = 1;
    } else {
      ++place_.column;
    }
  }
}

void Scanner::skip() {
  while (at_ < text_.size()) {
    if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
      advance(1);
    } else if (text_.substr(at_, 2) == "//") {
      advance(std::min(text_.find('\n', at_), text_.size()) - at_);
    } else {
      return;
    }
  }
}

Place Scanner::place() {
  skip();
  return place_;
}

bool Scanner::at_end() {
  skip();
  return at_ >= text_.size();
}

bool Scanner::peek(std::string_view token) {
  skip();
  if (text_.substr(at_, token.size()) != token) return false;
  const size_t end = at_ + token.size();
  return !word_character(token.back()) || end >= text_.size() || !word_character(text_[end]);
}

bool Scanner::take(std::string_view token) {
  if (!peek(token)) return false;
  advance(token.size());
  return true;
}

Status Scanner::expect(std::string_view token) {
  if (take(token)) return {};
  return expected(fmt::format("'{}'", token));
}

Status Scanner::expect_character(char c) {
  if (at_end() || text_[at_] != c) return expected(fmt::format("'{}'", c));
  advance(1);
  return {};
}

std::string_view Scanner::word() {
  skip();
  size_t end = at_;
  while (end < text_.size() && word_character(text_[end])) ++end;
  const std::string_view out = text_.substr(at_, end - at_);
  advance(out.size());
  return out;
}

std::string_view Scanner::bare_name() {
  skip();
  size_t end = at_;
  while (end < text_.size() && name_character(text_[end])) ++end;
  const std::string_view out = text_.substr(at_, end - at_);
  advance(out.size());
  return out;
}

Result<std::string> Scanner::name(char sigil) {
  skip();
  if (at_ >= text_.size() || text_[at_] != sigil) return expected(fmt::format("a name that begins with {}", sigil));
  if (text_.substr(at_ + 1, 1) == "\"") {
    advance(1);
    FASTC_TRY(std::string out, quoted());
    if (out.empty()) return expected("a name that is not empty");
    return out;
  }
  size_t end = at_ + 1;
  while (end < text_.size() && name_character(text_[end])) ++end;
  // A comment may follow a name without a space; no name holds `//`.
  end = std::min(end, text_.find("//", at_));
  if (end == at_ + 1) return expected(fmt::format("a name after {}", sigil));
  std::string out(text_.substr(at_ + 1, end - at_ - 1));
  advance(end - at_);
  return out;
}

Result<std::string> Scanner::quoted() {
  FASTC_CHECK(expect("\""));
  std::string out;
  while (at_ < text_.size() && text_[at_] != '"') {
    if (text_[at_] == '\n') return error(place_, "expected '\"' before the end of the line, found none");
    if (text_[at_] != '\\') {
      out += text_[at_];
      advance(1);
      continue;
    }
    const std::string_view escape = text_.substr(at_, 4);
    if (escape.size() >= 2 && (escape[1] == '"' || escape[1] == '\\')) {
      out += escape[1];
      advance(2);
    } else if (escape.size() == 4 && escape[1] == 'x' && hex_digit(escape[2]) >= 0 && hex_digit(escape[3]) >= 0) {
      out += static_cast<char>(hex_digit(escape[2]) * 16 + hex_digit(escape[3]));
      advance(4);
    } else {
      return expected("\\\", \\\\ or \\xNN");
    }
  }
  if (at_ >= text_.size()) return expected("'\"'");
  advance(1);
  return out;
}

Result<int64_t> Scanner::integer() {
  skip();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (error != std::errc()) return expected("an integer below 2^63");
  advance(static_cast<size_t>(end - (text_.data() + at_)));
  return value;
}

std::string_view Scanner::number() {
  skip();
  size_t end = at_;
  while (end < text_.size() &&
         (word_character(text_[end]) || std::string_view("+-.:").find(text_[end]) != std::string_view::npos))
    ++end;
  const std::string_view out = text_.substr(at_, end - at_);
  advance(out.size());
  return out;
}

Result<Dim> Scanner::dim() {
  const Place where = place();
  int depth = 0;
  size_t end = at_;
  for (; end < text_.size(); ++end) {
    const char c = text_[end];
    if (c == '(') ++depth;
    if (depth == 0 && (c == ',' || c == ']' || c == '}' || c == ')' || c == '\n')) break;
    if (c == ')') --depth;
  }
  std::string_view body = text_.substr(at_, end - at_);
  while (!body.empty() && std::isspace(static_cast<unsigned char>(body.back()))) body.remove_suffix(1);
  if (body.empty()) return expected("a dimension");
  if (body.size() > 4096)
    return error(where, fmt::format("expected a dimension of at most 4096 characters, found {}", body.size()));
  auto out = Dim::parse(body);
  if (!out) return error(where, out.error().message);
  advance(end - at_);
  return *out;
}

std::string Scanner::found() {
  skip();
  if (at_ >= text_.size()) return "the end of the text";
  size_t end = at_;
  while (end < text_.size() && end - at_ < 40 && name_character(text_[end])) ++end;
  end = std::max(end, at_ + 1);
  return fmt::format("'{}'", text_.substr(at_, end - at_));
}

tl::unexpected<Error> Scanner::expected(std::string_view what) {
  const std::string there = found();
  return error(place_, fmt::format("expected {}, found {}", what, there));
}

tl::unexpected<Error> Scanner::error(Place place, std::string_view message) {
  return input_error("{}:{}: {}", place.line, place.column, message);
}

}  // namespace fastc::text
