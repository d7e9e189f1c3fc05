#include "frontends/torch_export/expr.h"

#include <charconv>
#include <vector>

namespace fastc::torch_export {
namespace {

constexpr size_t kMaxLength = 10000;
constexpr int kMaxDepth = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Dim> parse() {
    if (text_.size() > kMaxLength) return input_error("a size's expression of {} characters", text_.size());
    FASTC_TRY(Dim d, sum());
    skip();
    if (at_ != text_.size()) return wrong("the end");
    return d;
  }

 private:
  tl::unexpected<Error> wrong(std::string_view expected) const {
    return input_error("size \"{}\", character {}: expected {}", text_.substr(0, 200), at_ + 1, expected);
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool eat(std::string_view token) {
    skip();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  std::string_view word() {
    skip();
    size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_' || text_[at_] == '.')) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Result<Dim> sum() {
    if (++depth_ > kMaxDepth) return wrong("less nesting");
    FASTC_TRY(Dim d, product());
    for (;;) {
      if (eat("+")) {
        FASTC_TRY(Dim e, product());
        d = d + e;
      } else if (eat("-")) {
        FASTC_TRY(Dim e, product());
        d = d - e;
      } else {
        --depth_;
        return d;
      }
    }
  }

  Result<Dim> product() {
    FASTC_TRY(Dim d, power());
    for (;;) {
      if (eat("//")) {
        FASTC_TRY(Dim e, power());
        FASTC_TRY(d, divide(d, e));
      } else if (eat("/")) {
        FASTC_TRY(Dim e, power());
        FASTC_TRY(d, Dim::exact_div(d, e));
      } else if (eat("*")) {
        FASTC_TRY(Dim e, power());
        d = d * e;
      } else {
        return d;
      }
    }
  }

  Result<Dim> power() {
    if (eat("-")) {
      FASTC_TRY(Dim d, power());
      return Dim(0) - d;
    }
    FASTC_TRY(Dim base, atom());
    if (!eat("**")) return base;
    FASTC_TRY(Dim exponent, atom());
    return raise(base, exponent);
  }

  Result<Dim> divide(const Dim& a, const Dim& b) {
    if (b.is_constant() && b.constant() > 0) return floor_div(a, b.constant());
    return Dim::exact_div(a, b);
  }

  Result<Dim> raise(const Dim& base, const Dim& exponent) {
    if (!exponent.is_constant() || exponent.constant() < 0 || exponent.constant() > 8) return wrong("an exponent from 0 to 8");
    Dim d(1);
    for (int64_t i = 0; i < exponent.constant(); ++i) d = d * base;
    return d;
  }

  Result<Dim> atom() {
    if (eat("(")) {
      FASTC_TRY(Dim d, sum());
      if (!eat(")")) return wrong("')'");
      return d;
    }
    std::string_view name = word();
    if (name.empty()) return wrong("a number or a name");
    if (std::isdigit(static_cast<unsigned char>(name[0]))) {
      int64_t value = 0;
      auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
      if (error != std::errc() || end != name.data() + name.size()) return wrong("an integer");
      return Dim(value);
    }
    if (eat("(")) return function(name);
    return Dim::symbol(std::string(name));
  }

  // NAME( was read. Arguments are expressions; Symbol's are 'name' and assumptions (positive=True).
  Result<Dim> function(std::string_view name) {
    if (name == "Symbol") return symbol();
    if (++depth_ > kMaxDepth) return wrong("less nesting");
    std::vector<Dim> args;
    if (!eat(")")) {
      do {
        FASTC_TRY(Dim d, sum());
        args.push_back(std::move(d));
      } while (eat(","));
      if (!eat(")")) return wrong("')'");
    }
    --depth_;
    if (name == "Integer" && args.size() == 1) return args[0];
    if (name == "Add" || name == "Mul") {
      Dim d(name == "Add" ? 0 : 1);
      for (const Dim& a : args) d = name == "Add" ? d + a : d * a;
      return d;
    }
    if (name == "Pow" && args.size() == 2) return raise(args[0], args[1]);
    if ((name == "FloorDiv" || name == "CleanDiv") && args.size() == 2) return divide(args[0], args[1]);
    if ((name == "Mod" || name == "PythonMod") && args.size() == 2) {
      FASTC_TRY(Dim q, divide(args[0], args[1]));
      return args[0] - q * args[1];
    }
    return input_error("size \"{}\": the function {} is not supported; export with fixed sizes there", text_.substr(0, 200), name);
  }

  Result<Dim> symbol() {
    if (!eat("'")) return wrong("a quoted name");
    std::string name(word());
    if (name.empty() || !eat("'")) return wrong("a quoted name");
    while (eat(",")) {
      word();
      if (!eat("=")) return wrong("'='");
      word();
    }
    if (!eat(")")) return wrong("')'");
    return Dim::symbol(std::move(name));
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Dim> parse_expr(std::string_view text) { return Parser(text).parse(); }

}  // namespace fastc::torch_export
