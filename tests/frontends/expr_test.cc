#include "frontends/torch_export/expr.h"
#include "tests/catch.h"

namespace fastc::torch_export {
namespace {

TEST_CASE("sympy's texts become dimensions", "[expr]") {
  const Dim s = Dim::symbol("s0"), t = Dim::symbol("s1");
  const std::pair<const char*, Dim> rows[] = {
      {"7", Dim(7)},
      {"s0", s},
      {"2*s0 + 1", s * 2 + 1},
      {"-s0 + 3*(s1 - 2)", t * 3 - s - 6},
      {"s0**2", s * s},
      {"((s0 - 1)//2) + 1", floor_div(s - 1, 2) + 1},
      {"Symbol('s0', positive=True, integer=True)", s},
      {"Mul(Integer(24), Symbol('s0', positive=True, integer=True))", s * 24},
      {"Add(Integer(-1), Pow(Symbol('s1'), Integer(2)))", t * t - 1},
      {"FloorDiv(Symbol('s0', integer=True), Integer(4))", floor_div(s, 4)},
      {"Mod(Symbol('s0'), Integer(4))", s - floor_div(s, 4) * 4},
  };
  for (const auto& [text, expected] : rows) {
    INFO(text);
    auto dim = parse_expr(text);
    REQUIRE(dim);
    CHECK(dim->text() == expected.text());
  }
}

TEST_CASE("texts that are no size are refused", "[expr]") {
  const std::pair<std::string, const char*> rows[] = {
      {"", "expected a number or a name"},
      {"s0 +", "expected a number or a name"},
      {"(s0", "expected ')'"},
      {"s0 s1", "expected the end"},
      {"Max(s0, 1)", "the function Max is not supported"},
      {"s0**100", "an exponent from 0 to 8"},
      {"99999999999999999999", "an integer"},
      {"Symbol(s0)", "a quoted name"},
      {std::string(1000, '('), "less nesting"},
      {std::string(20000, '1'), "20000 characters"},
  };
  for (const auto& [text, expected] : rows) {
    INFO(text.substr(0, 40));
    auto dim = parse_expr(text);
    REQUIRE_FALSE(dim);
    INFO(dim.error().message);
    CHECK(dim.error().message.find(expected) != std::string::npos);
  }
}

}  // namespace
}  // namespace fastc::torch_export
