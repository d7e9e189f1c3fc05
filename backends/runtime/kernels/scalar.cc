#include "scalar.h"

#include "../functions.h"

namespace fastc::rt {

void unary_scalar(Activation op, const float* x, float* y, int64_t n, float lo, float hi) {
  for (int64_t i = 0; i < n; ++i) y[i] = activate(op, x[i], lo, hi);
}

namespace {

float apply(Binary op, float a, float b) {
  switch (op) {
    case Binary::kAdd: return a + b;
    case Binary::kSub: return a - b;
    case Binary::kMul: return a * b;
    case Binary::kDiv: return a / b;
    case Binary::kPow: return std::pow(a, b);
    case Binary::kMin: return a != a ? a : (b < a || b != b ? b : a);
    case Binary::kMax: return a != a ? a : (b > a || b != b ? b : a);
    case Binary::kEq: return a == b;
    case Binary::kNe: return a != b;
    case Binary::kLt: return a < b;
    case Binary::kLe: return a <= b;
    case Binary::kGt: return a > b;
    case Binary::kGe: return a >= b;
    case Binary::kAnd: return a != 0 && b != 0;
    case Binary::kOr: return a != 0 || b != 0;
  }
  return a;
}

}  // namespace

void binary_scalar(Binary op, const float* a, const float* b, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = apply(op, a[i], b[i]);
}

}  // namespace fastc::rt
