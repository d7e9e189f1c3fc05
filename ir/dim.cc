#include "ir/dim.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>
#include <set>

namespace fastc {
namespace {

constexpr size_t kMaxDegree = 64;  // of a monomial; like kMaxTerms, a bound on what hostile text can make us compute
constexpr int64_t kTooBig = std::numeric_limits<int64_t>::max();  // held in place of what does not fit

int64_t clamp_wide(__int128 v) {
  if (v >= kTooBig) return kTooBig;
  if (v <= -static_cast<__int128>(kTooBig)) return -kTooBig;
  return static_cast<int64_t>(v);
}
int64_t add_held(int64_t a, int64_t b) { return clamp_wide(static_cast<__int128>(a) + b); }
int64_t mul_held(int64_t a, int64_t b) { return clamp_wide(static_cast<__int128>(a) * b); }

int64_t floor_quotient(int64_t a, int64_t d) {
  const int64_t q = a / d;
  return a % d < 0 ? q - 1 : q;
}

int compare(const Dim& a, const Dim& b);

// Symbols by name, before floors.
int compare(const Dim::Atom& a, const Dim::Atom& b) {
  if (!a.numerator != !b.numerator) return a.numerator ? 1 : -1;
  if (!a.numerator) return a.symbol.compare(b.symbol);
  if (a.divisor != b.divisor) return a.divisor < b.divisor ? -1 : 1;
  return a.numerator == b.numerator ? 0 : compare(*a.numerator, *b.numerator);
}

// Graded lexicographic, highest degree first: a monomial order, which exact_div needs, and the order text() prints in.
int compare(const std::vector<Dim::Atom>& a, const std::vector<Dim::Atom>& b) {
  if (a.size() != b.size()) return a.size() > b.size() ? -1 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    if (const int c = compare(a[i], b[i])) return c;
  return 0;
}

int compare(const Dim& a, const Dim& b) {
  const auto& x = a.terms();
  const auto& y = b.terms();
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (const int c = compare(x[i].factors, y[i].factors)) return c;
    if (x[i].coefficient != y[i].coefficient) return x[i].coefficient < y[i].coefficient ? -1 : 1;
  }
  return x.size() == y.size() ? 0 : x.size() < y.size() ? -1 : 1;
}

Dim::Term product_of(const Dim::Term& a, const Dim::Term& b) {
  Dim::Term out{mul_held(a.coefficient, b.coefficient), {}};
  out.factors.reserve(a.factors.size() + b.factors.size());
  std::merge(a.factors.begin(), a.factors.end(), b.factors.begin(), b.factors.end(), std::back_inserter(out.factors),
             [](const Dim::Atom& l, const Dim::Atom& r) { return compare(l, r) < 0; });
  return out;
}

// a / b for monomials, when b's factors are among a's and its coefficient divides.
bool divide(const Dim::Term& a, const Dim::Term& b, Dim::Term& out) {
  if (a.coefficient % b.coefficient != 0) return false;
  out = {a.coefficient / b.coefficient, {}};
  size_t taken = 0;
  for (const Dim::Atom& atom : a.factors) {
    if (taken < b.factors.size() && compare(atom, b.factors[taken]) == 0) {
      ++taken;
    } else {
      out.factors.push_back(atom);
    }
  }
  return taken == b.factors.size();
}

}  // namespace

Dim::Dim(int64_t value) {
  if (value != 0) terms_.push_back({std::max(value, -kTooBig), {}});
}

Dim Dim::symbol(std::string name) {
  Dim out;
  out.terms_.push_back({1, {Atom{std::move(name), nullptr, 1}}});
  return out;
}

Dim Dim::normalized(std::vector<Term> terms) {
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) { return compare(a.factors, b.factors) < 0; });
  Dim out;
  for (Term& term : terms) {
    if (!out.terms_.empty() && compare(out.terms_.back().factors, term.factors) == 0) {
      out.terms_.back().coefficient = add_held(out.terms_.back().coefficient, term.coefficient);
    } else {
      if (!out.terms_.empty() && out.terms_.back().coefficient == 0) out.terms_.pop_back();
      out.terms_.push_back(std::move(term));
    }
  }
  if (!out.terms_.empty() && out.terms_.back().coefficient == 0) out.terms_.pop_back();
  return out.terms_.size() > kMaxTerms ? Dim(kTooBig) : out;
}

bool Dim::is_constant() const { return terms_.empty() || (terms_.size() == 1 && terms_[0].factors.empty()); }

int64_t Dim::constant() const {
  assert(is_constant());
  return terms_.empty() ? 0 : terms_[0].coefficient;
}

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> found;
  for (const Term& term : terms_)
    for (const Atom& atom : term.factors) {
      if (atom.numerator) {
        found.merge([&] {
          auto inner = atom.numerator->symbols();
          return std::set<std::string>(inner.begin(), inner.end());
        }());
      } else {
        found.insert(atom.symbol);
      }
    }
  return {found.begin(), found.end()};
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return add_held(a.constant(), b.constant());
  std::vector<Dim::Term> terms = a.terms_;
  terms.insert(terms.end(), b.terms_.begin(), b.terms_.end());
  return Dim::normalized(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return mul_held(a.constant(), b.constant());
  if (a.terms_.empty() || b.terms_.empty()) return 0;
  if (a.terms_.size() * b.terms_.size() > Dim::kMaxTerms) return kTooBig;
  if (a.terms_[0].factors.size() + b.terms_[0].factors.size() > kMaxDegree)
    return kTooBig;  // the first has the highest degree
  std::vector<Dim::Term> terms;
  for (const Dim::Term& x : a.terms_)
    for (const Dim::Term& y : b.terms_) terms.push_back(product_of(x, y));
  return Dim::normalized(std::move(terms));
}

bool operator==(const Dim& a, const Dim& b) { return compare(a, b) == 0; }

// Canonical by four exact rules, for integers P, A and d, e > 0:
//   floor((d·P + R) / d) = P + floor(R / d), so every coefficient of R is brought into [0, d);
//   floor((g·P + c) / (g·d)) = floor((P + floor(c / g)) / d);
//   floor((P + floor(A / e)) / d) = floor((e·P + A) / (e·d));
//   a constant in [0, d) over d is 0.
Dim floor_div(const Dim& a, int64_t d) {
  assert(d > 0);
  if (d == 1) return a;
  std::vector<Dim::Term> whole, rest;
  int64_t common = d, constant = 0;
  for (const Dim::Term& term : a.terms_) {
    if (term.coefficient == kTooBig || term.coefficient == -kTooBig) return kTooBig;
    const int64_t q = floor_quotient(term.coefficient, d), r = term.coefficient - q * d;
    if (q != 0) whole.push_back({q, term.factors});
    if (r == 0) continue;
    if (term.factors.empty()) {
      constant = r;
    } else {
      rest.push_back({r, term.factors});
      common = std::gcd(common, r);
    }
  }
  if (!rest.empty()) {
    for (Dim::Term& term : rest) term.coefficient /= common;
    d /= common;
    if (constant /= common) rest.push_back({constant, {}});
  }
  Dim quotient = Dim::normalized(std::move(whole));
  if (rest.empty() || d == 1) return quotient + Dim::normalized(std::move(rest));
  for (size_t i = 0; i < rest.size(); ++i) {
    const Dim::Term& term = rest[i];
    if (term.coefficient != 1 || term.factors.size() != 1 || !term.factors[0].numerator) continue;
    const Dim::Atom inner = term.factors[0];
    int64_t both = 0;
    if (__builtin_mul_overflow(inner.divisor, d, &both)) continue;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    return quotient + floor_div(Dim::normalized(std::move(rest)) * Dim(inner.divisor) + *inner.numerator, both);
  }
  Dim atom;
  atom.terms_.push_back({1, {Dim::Atom{"", std::make_shared<Dim>(Dim::normalized(std::move(rest))), d}}});
  return quotient + atom;
}

Result<Dim> Dim::exact_div(const Dim& a, const Dim& b) {
  if (b.terms_.empty()) return input_error("expected a divisor that is not 0, found {} / 0", a.text());
  // Long division by the leading monomial; each step removes the leading monomial of what remains.
  Dim quotient, rest = a;
  for (size_t steps = 0; !rest.terms_.empty(); ++steps) {
    Term step;
    if (steps > kMaxTerms || !divide(rest.terms_[0], b.terms_[0], step))
      return input_error("expected a multiple of {}, found {}", b.text(), a.text());
    Dim monomial;
    monomial.terms_.push_back(std::move(step));
    quotient += monomial;
    rest = rest - monomial * b;
  }
  return quotient;
}

Dim Dim::substitute(const std::string& symbol, const Dim& by) const {
  Dim sum;
  for (const Term& term : terms_) {
    Dim value(term.coefficient);
    for (const Atom& atom : term.factors) {
      if (atom.numerator) {
        value = value * floor_div(atom.numerator->substitute(symbol, by), atom.divisor);
      } else {
        value = value * (atom.symbol == symbol ? by : Dim::symbol(atom.symbol));
      }
    }
    sum += value;
  }
  return sum;
}

Result<int64_t> Dim::evaluate(const SymbolValues& values) const {
  int64_t sum = 0;
  for (const Term& term : terms_) {
    int64_t value = term.coefficient;
    bool overflow = value == kTooBig || value == -kTooBig;
    for (const Atom& atom : term.factors) {
      int64_t factor = 0;
      if (atom.numerator) {
        FASTC_TRY(const int64_t numerator, atom.numerator->evaluate(values));
        factor = floor_quotient(numerator, atom.divisor);
      } else {
        const auto found = values.find(atom.symbol);
        if (found == values.end())
          return input_error("expected a value for the symbol {} in {}, found none", atom.symbol, text());
        factor = found->second;
      }
      overflow |= __builtin_mul_overflow(value, factor, &value);
    }
    overflow |= __builtin_add_overflow(sum, value, &sum);
    if (overflow) return input_error("expected a dimension below 2^63, found {}", text());
  }
  return sum;
}

Result<std::vector<int64_t>> evaluate_shape(const Shape& shape, const SymbolValues& values) {
  std::vector<int64_t> out;
  out.reserve(shape.size());
  for (const Dim& dim : shape) {
    FASTC_TRY(const int64_t size, dim.evaluate(values));
    if (size < 0) return input_error("expected a size of at least 0, found {} = {}", dim.text(), size);
    out.push_back(size);
  }
  return out;
}

Dim product(const Shape& shape) {
  Dim out = 1;
  for (const Dim& dim : shape) out = out * dim;
  return out;
}

}  // namespace fastc
