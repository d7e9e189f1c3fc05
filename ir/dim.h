// A dimension of a tensor: an integer, or a normalized polynomial with floor division over symbols.
//
//   N    2*N + 1    floor((H + 2*1 - 3) / 2) + 1
//
// Equal dimensions compare equal because the form is canonical: a sum of monomials in a fixed order, each a coefficient
// times powers of atoms; an atom is a symbol, or floor(dim / d) that did not simplify (d divides every coefficient, …).
// Symbols carry their range in Module::symbols; all are >= 0.
//
// Arithmetic cannot fail, so what does not fit in 64 bits (or in kMaxTerms terms) is held at ±INT64_MAX, and evaluating a
// dimension that holds such a coefficient is an error. A model file may say anything; a dimension never overflows silently.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/api.h"
#include "base/api.h"
#include "base/result.h"

namespace fastc {

using SymbolValues = std::map<std::string, int64_t, std::less<>>;

class FASTC_API Dim {
 public:
  // An atom is a symbol (numerator null), or floor(*numerator / divisor).
  struct Atom {
    std::string symbol;
    std::shared_ptr<const Dim> numerator;
    int64_t divisor = 1;
  };
  struct Term {
    int64_t coefficient = 0;
    std::vector<Atom> factors;  // sorted, with repetition for powers; empty for the constant term
  };

  static constexpr size_t kMaxTerms = 4096;

  Dim(int64_t value = 0);  // NOLINT: an integer is a dimension
  static Dim symbol(std::string name);

  bool is_constant() const;
  int64_t constant() const;  // requires is_constant()
  const std::vector<Term>& terms() const { return terms_; }  // canonical; empty for 0
  std::vector<std::string> symbols() const;                  // sorted, unique

  friend FASTC_API Dim operator+(const Dim& a, const Dim& b);
  friend FASTC_API Dim operator-(const Dim& a, const Dim& b);
  friend FASTC_API Dim operator*(const Dim& a, const Dim& b);
  friend FASTC_API Dim floor_div(const Dim& a, int64_t d);  // d > 0; rounds towards minus infinity
  friend FASTC_API bool operator==(const Dim& a, const Dim& b);
  Dim& operator+=(const Dim& b) { return *this = *this + b; }

  // a / b where b divides a exactly as polynomials (N*48/48, N*4/N); error otherwise.
  static Result<Dim> exact_div(const Dim& a, const Dim& b);
  Dim substitute(const std::string& symbol, const Dim& by) const;
  // Error on an unbound symbol or on overflow.
  Result<int64_t> evaluate(const SymbolValues& values) const;

  std::string text() const;                          // "2*N + 1"
  static Result<Dim> parse(std::string_view text);  // what text() writes; also products of sums, any spacing

 private:
  static Dim normalized(std::vector<Term> terms);  // sorts, joins equal monomials, drops zeros
  std::vector<Term> terms_;
};

using Shape = std::vector<Dim>;
FASTC_API std::string shape_text(const Shape& shape);                             // "N,3,32,32"
FASTC_API Result<std::vector<int64_t>> evaluate_shape(const Shape&, const SymbolValues&);
FASTC_API Dim product(const Shape& shape);

}  // namespace fastc
