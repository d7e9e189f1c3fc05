#include "ir/dim.h"

#include "base/random.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Dim d(std::string_view text) {
  auto dim = Dim::parse(text);
  INFO(text);
  REQUIRE(dim);
  return *dim;
}

int64_t floored(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// A random expression, built as a Dim and evaluated plainly beside it.
struct Sample {
  Dim dim;
  int64_t value;
};
Sample sample(Random& random, int depth, int64_t n, int64_t h) {
  switch (depth == 0 ? random.below(3) : random.below(7)) {
    case 0: {
      const auto c = static_cast<int64_t>(random.below(9)) - 4;
      return {c, c};
    }
    case 1:
      return {Dim::symbol("N"), n};
    case 2:
      return {Dim::symbol("H"), h};
    default:
      break;
  }
  const Sample a = sample(random, depth - 1, n, h), b = sample(random, depth - 1, n, h);
  const auto divisor = static_cast<int64_t>(random.below(6)) + 1;
  switch (random.below(4)) {
    case 0:
      return {a.dim + b.dim, a.value + b.value};
    case 1:
      return {a.dim - b.dim, a.value - b.value};
    case 2:
      return {a.dim * b.dim, a.value * b.value};
    default:
      return {floor_div(a.dim, divisor), floored(a.value, divisor)};
  }
}

}  // namespace

TEST_CASE("equal dimensions have one form") {
  const Dim n = Dim::symbol("N"), h = Dim::symbol("H");
  CHECK(n * 2 + 1 == d("1 + N*2"));
  CHECK((n + 1) * (n - 1) == n * n - 1);
  CHECK(n - n == Dim(0));
  CHECK((n - n).is_constant());
  CHECK_FALSE(n == h);
  CHECK(n * h == h * n);
}

TEST_CASE("floor division simplifies what it can") {
  CHECK(floor_div(d("4*N"), 2) == d("2*N"));
  CHECK(floor_div(d("4*N + 3"), 4) == d("N"));
  CHECK(floor_div(d("4*N + 2"), 8) == floor_div(d("N"), 2));
  CHECK(floor_div(d("N - 1"), 2) + 1 == floor_div(d("N + 1"), 2));
  CHECK(floor_div(floor_div(d("N"), 2), 3) == floor_div(d("N"), 6));
  CHECK(floor_div(Dim(-7), 2) == Dim(-4));
  CHECK(floor_div(d("N"), 1) == d("N"));
  // Three stride-2 convolutions of kernel 3 and padding 1 on H.
  Dim size = d("H");
  for (int i = 0; i < 3; ++i) size = floor_div(size + 2 - 3, 2) + 1;
  CHECK(size.text() == "floor((H + 7) / 8)");
}

TEST_CASE("a dimension is what its expression evaluates to") {
  Random random(11);
  for (int i = 0; i < 3000; ++i) {
    const auto n = static_cast<int64_t>(random.below(40)), h = static_cast<int64_t>(random.below(40));
    const Sample s = sample(random, 4, n, h);
    INFO(s.dim.text() << " at N=" << n << " H=" << h);
    REQUIRE(s.dim.evaluate({{"N", n}, {"H", h}}).value() == s.value);
    REQUIRE(d(s.dim.text()) == s.dim);
    REQUIRE(s.dim.substitute("N", n).substitute("H", h) == Dim(s.value));
  }
}

TEST_CASE("exact division of polynomials") {
  CHECK(Dim::exact_div(d("48*N"), 48).value() == d("N"));
  CHECK(Dim::exact_div(d("4*N*H"), d("2*N")).value() == d("2*H"));
  CHECK(Dim::exact_div(d("N*N - 1"), d("N + 1")).value() == d("N - 1"));
  CHECK(Dim::exact_div(d("floor(H / 2)*N"), d("floor(H / 2)")).value() == d("N"));
  CHECK(Dim::exact_div(Dim(0), d("N")).value() == Dim(0));
  CHECK(Dim::exact_div(d("N"), 2).error().message == "expected a multiple of 2, found N");
  CHECK(Dim::exact_div(d("N + 1"), d("N")).error().message == "expected a multiple of N, found N + 1");
  CHECK(Dim::exact_div(d("N"), 0).error().message == "expected a divisor that is not 0, found N / 0");
}

TEST_CASE("text of dimensions") {
  CHECK(d("N").text() == "N");
  CHECK(d("2*N + 1").text() == "2*N + 1");
  CHECK(d("-N - 3").text() == "-N - 3");
  CHECK(d("(N + 1)*(H + 2)").text() == "H*N + H + 2*N + 2");
  CHECK(d("floor(N / 2)*3").text() == "3*floor(N / 2)");
  CHECK(Dim(0).text() == "0");
  CHECK(shape_text({d("N"), 3, 32}) == "N,3,32");
  CHECK(product({d("N"), 3, 4}) == d("12*N"));
  CHECK(d("N*H + floor(L / 2)").symbols() == std::vector<std::string>{"H", "L", "N"});
}

TEST_CASE("broken dimensions are refused in a sentence") {
  const std::pair<std::string, std::string> table[] = {
      {"", "expected a number or a symbol at the end of the dimension ''"},
      {"N +", "expected a number or a symbol at the end of the dimension 'N +'"},
      {"N 2", "expected an operator at character 3 of the dimension 'N 2', found '2'"},
      {"floor(N)", "expected '/' at character 8 of the dimension 'floor(N)', found ')'"},
      {"floor(N / 0)", "expected a divisor above 0 at character 12 of the dimension 'floor(N / 0)', found ')'"},
      {"99999999999999999999",
       "expected an integer below 2^63 at character 1 of the dimension '99999999999999999999', found '9'"},
      {"$", "expected a number or a symbol at character 1 of the dimension '$', found '$'"},
  };
  for (const auto& [text, message] : table) CHECK(Dim::parse(text).error().message == message);
  CHECK_FALSE(Dim::parse(std::string(100, '(') + "N" + std::string(100, ')')));
}

TEST_CASE("what does not fit in 64 bits is an error when evaluated, never an overflow") {
  const Dim big(int64_t{1} << 62);
  CHECK((big * 4).evaluate({}).error().message == "expected a dimension below 2^63, found 9223372036854775807");
  CHECK_FALSE((big * Dim::symbol("N") * 4).evaluate({{"N", 0}}));
  CHECK_FALSE((big * Dim::symbol("N")).evaluate({{"N", 8}}));
  CHECK(Dim::symbol("N").evaluate({}).error().message == "expected a value for the symbol N in N, found none");
  CHECK_FALSE(evaluate_shape({Dim::symbol("N") - 5}, {{"N", 2}}));
  Dim many = 1;  // 2^20 monomials if multiplied out
  for (char c = 'a'; c < 'a' + 20; ++c) many = many * (Dim::symbol(std::string(1, c)) + 1);
  CHECK(many.terms().size() <= Dim::kMaxTerms);
  Dim power = 1;
  for (int i = 0; i < 1000; ++i) power = power * (Dim::symbol("a") + Dim::symbol("b"));
  CHECK_FALSE(power.evaluate({{"a", 0}, {"b", 0}}));
}
