// Dimensions as text: "N", "2*N + 1", "floor((H + 1) / 2)".
#include <cctype>
#include <charconv>

#include "ir/dim.h"

namespace fastc {
namespace {

std::string factor_text(const Dim::Atom& atom) {
  if (!atom.numerator) return atom.symbol;
  const std::string inner = atom.numerator->text();
  const bool plain = atom.numerator->terms().size() == 1;
  return plain ? fmt::format("floor({} / {})", inner, atom.divisor)
               : fmt::format("floor(({}) / {})", inner, atom.divisor);
}

bool starts_symbol(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool continues_symbol(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// sum := ['-'] product (('+' | '-') product)*      product := factor ('*' factor)*
// factor := integer | symbol | "floor(" sum "/" integer ")" | "(" sum ")"
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Dim> all() {
    FASTC_TRY(Dim dim, sum());
    skip();
    if (at_ < text_.size()) return expected("an operator");
    return dim;
  }

 private:
  static constexpr int kMaxDepth = 32;

  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  tl::unexpected<Error> expected(std::string_view what) const {
    if (at_ >= text_.size()) return input_error("expected {} at the end of the dimension '{}'", what, text_);
    return input_error("expected {} at character {} of the dimension '{}', found '{}'", what, at_ + 1, text_,
                       text_[at_]);
  }

  Result<Dim> sum() {
    const bool negative = take('-');
    FASTC_TRY(Dim out, term());
    if (negative) out = Dim(0) - out;
    for (;;) {
      const bool plus = take('+');
      if (!plus && !take('-')) return out;
      FASTC_TRY(Dim next, term());
      out = plus ? out + next : out - next;
    }
  }

  Result<Dim> term() {
    FASTC_TRY(Dim out, factor());
    while (take('*')) {
      FASTC_TRY(Dim next, factor());
      out = out * next;
    }
    return out;
  }

  Result<int64_t> integer() {
    skip();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || at_ >= text_.size() || text_[at_] == '-') return expected("an integer below 2^63");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  Result<Dim> factor() {
    skip();
    if (at_ >= text_.size()) return expected("a number or a symbol");
    if (take('(')) return nested();
    if (std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      FASTC_TRY(const int64_t value, integer());
      return Dim(value);
    }
    if (!starts_symbol(text_[at_])) return expected("a number or a symbol");
    const size_t begin = at_;
    while (at_ < text_.size() && continues_symbol(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name != "floor") return Dim::symbol(std::string(name));
    if (!take('(')) return expected("'(' after floor");
    return floor();
  }

  Result<Dim> nested() {
    if (++depth_ > kMaxDepth) return expected("at most 32 levels of brackets");
    FASTC_TRY(Dim inner, sum());
    --depth_;
    if (!take(')')) return expected("')'");
    return inner;
  }

  Result<Dim> floor() {
    if (++depth_ > kMaxDepth) return expected("at most 32 levels of brackets");
    FASTC_TRY(Dim numerator, sum());
    if (!take('/')) return expected("'/'");
    FASTC_TRY(const int64_t divisor, integer());
    if (divisor <= 0) return expected("a divisor above 0");
    --depth_;
    if (!take(')')) return expected("')'");
    return floor_div(numerator, divisor);
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string Dim::text() const {
  if (terms_.empty()) return "0";
  std::string out;
  for (const Term& term : terms_) {
    const bool negative = term.coefficient < 0;
    if (out.empty()) {
      out = negative ? "-" : "";
    } else {
      out += negative ? " - " : " + ";
    }
    const int64_t size = negative ? -term.coefficient : term.coefficient;
    std::string body = size != 1 || term.factors.empty() ? std::to_string(size) : "";
    for (const Atom& atom : term.factors) {
      if (!body.empty()) body += '*';
      body += factor_text(atom);
    }
    out += body;
  }
  return out;
}

Result<Dim> Dim::parse(std::string_view text) { return Parser(text).all(); }

std::string shape_text(const Shape& shape) {
  std::string out;
  for (const Dim& dim : shape) {
    if (!out.empty()) out += ',';
    out += dim.text();
  }
  return out;
}

}  // namespace fastc
