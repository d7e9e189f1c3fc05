// What is certain of a dimension, given the ranges of its symbols.
#include <cmath>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

// Bounds in double: sizes are below 2^53, and an answer is only used when it is certain by a whole unit.
struct Range {
  double low, high;
};

Range range_of(const Dim& dim, const std::vector<Symbol>& symbols);

Range range_of(const Dim::Atom& atom, const std::vector<Symbol>& symbols) {
  if (atom.numerator) {
    Range n = range_of(*atom.numerator, symbols);
    double d = static_cast<double>(atom.divisor);
    return {std::floor(n.low / d), std::floor(n.high / d)};
  }
  for (const Symbol& s : symbols)
    if (s.name == atom.symbol) return {static_cast<double>(s.min), static_cast<double>(s.max)};
  return {0, HUGE_VAL};
}

Range range_of(const Dim& dim, const std::vector<Symbol>& symbols) {
  Range sum{0, 0};
  for (const auto& term : dim.terms()) {
    Range p{1, 1};
    for (const auto& atom : term.factors) {
      Range a = range_of(atom, symbols);
      double c[] = {p.low * a.low, p.low * a.high, p.high * a.low, p.high * a.high};
      p = {std::min({c[0], c[1], c[2], c[3]}), std::max({c[0], c[1], c[2], c[3]})};
    }
    double k = static_cast<double>(term.coefficient);
    sum.low += k > 0 ? k * p.low : k * p.high;
    sum.high += k > 0 ? k * p.high : k * p.low;
  }
  return sum;
}

}  // namespace

bool Lowering::always_le(const Dim& a, const Dim& b) const {
  // Compared apart where a bound would overflow the polynomial (a slice to 2^63 - 1).
  if (a.is_constant() && b.is_constant()) return a.constant() <= b.constant();
  double slack = range_of(b - a, module_.symbols).low;
  return !std::isnan(slack) && slack >= 0;
}

}  // namespace fastc::aten
