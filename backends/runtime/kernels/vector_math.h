// Elementwise functions on vectors of floats, over a trait V (an instruction set's register). Accuracy: exp, tanh, sigmoid, erf and
// those made of them are within 1e-6 relative, gelu within 1e-6 of |x|.
//
//   V::T, kLanes; set(f), add, sub, mul, div, fma(a, b, c), negate_fma(a, b, c) = c − a·b, min(a, b) and max(a, b) returning b where
//   one is NaN, abs, sign_of(x, s), sqrt, floor, round (half to even), less(a, b, x, y): a < b ? x : y, nan(a, x, y): a is NaN ? x : y,
//   times_power(x, n): x·2ⁿ for integral n in [−252, 252], load(p, n), store(p, v, n): the first n lanes,
//   all for n ≥ kLanes, none for n ≤ 0.
#pragma once

#include <limits>

#include "scalar.h"

namespace fastc::rt {
namespace {

template <class V>
struct Math {
  using T = typename V::T;

  static T polynomial(T, T sum) { return sum; }
  // Horner: highest coefficient first.
  template <typename... Rest>
  static T polynomial(T x, T sum, float next, Rest... rest) {
    return polynomial(x, V::fma(sum, x, V::set(next)), rest...);
  }

  // Cephes expf: 2ⁿ·exp(r), |r| ≤ ln 2 / 2, ln 2 in two parts.
  static T exp(T x) {
    x = V::min(V::set(89.0f), V::max(V::set(-104.0f), x));
    const T n = V::round(V::mul(x, V::set(1.44269504088896341f)));
    T r = V::negate_fma(n, V::set(0.693359375f), x);
    r = V::negate_fma(n, V::set(-2.12194440e-4f), r);
    const T p = polynomial(r, V::set(1.9875691500e-4f), 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                           1.6666665459e-1f, 5.0000001201e-1f);
    return V::times_power(V::add(V::fma(p, V::mul(r, r), r), V::set(1.0f)), n);
  }
  static T sigmoid(T x) { return V::div(V::set(1.0f), V::add(V::set(1.0f), exp(V::sub(V::set(0.0f), x)))); }

  // Cephes tanhf below 0.625, where 1 − 2/(e²ˣ + 1) would cancel.
  static T tanh(T x) {
    const T a = V::abs(x), s = V::mul(x, x);
    const T p = polynomial(s, V::set(-5.70498872745e-3f), 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f,
                           -3.33332819422e-1f);
    const T small = V::fma(V::mul(p, s), x, x);
    const T e = exp(V::add(a, a));
    const T large = V::sub(V::set(1.0f), V::div(V::set(2.0f), V::add(e, V::set(1.0f))));
    return V::nan(x, x, V::less(a, V::set(0.625f), small, V::sign_of(large, x)));
  }

  // Numerical Recipes §6.2, relative error below 1.2e-7 for every z ≥ 0.
  static T erfc(T z) {
    const T t = V::div(V::set(1.0f), V::fma(V::set(0.5f), z, V::set(1.0f)));
    const T p = polynomial(t, V::set(0.17087277f), -0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f,
                           0.09678418f, 0.37409196f, 1.00002368f, -1.26551223f);
    return V::mul(t, exp(V::negate_fma(z, z, p)));
  }
  // The series of erf below 0.5, where 1 − erfc would cancel.
  static T erf(T x) {
    const T a = V::abs(x), s = V::mul(x, x);
    const T p = polynomial(s, V::set(1.0f / 9360.0f), -1.0f / 1320.0f, 1.0f / 216.0f, -1.0f / 42.0f, 0.1f, -1.0f / 3.0f, 1.0f);
    const T small = V::mul(V::mul(p, x), V::set(1.12837916709551257f));
    return V::nan(x, x, V::less(a, V::set(0.5f), small, V::sign_of(V::sub(V::set(1.0f), erfc(a)), x)));
  }
  // x·Φ(x), Φ(x) = erfc(−x/√2)/2.
  static T gelu(T x) {
    const T tail = erfc(V::mul(V::abs(x), V::set(0.70710678118654752f)));
    const T twice = V::less(x, V::set(0.0f), tail, V::sub(V::set(2.0f), tail));
    return V::mul(V::mul(V::set(0.5f), x), twice);
  }
  // x/2·(1 + tanh u) = x·σ(2u).
  static T gelu_tanh(T x) {
    const T u = V::mul(V::set(1.59576912160573071f), V::fma(V::mul(V::set(0.044715f), V::mul(x, x)), x, x));
    return V::mul(x, sigmoid(u));
  }
  static T hard_sigmoid(T x) {
    return V::div(V::min(V::set(6.0f), V::max(V::set(0.0f), V::add(x, V::set(3.0f)))), V::set(6.0f));
  }
};

template <class V, class F>
inline void map(const float* x, float* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; i += V::kLanes) V::store(y + i, f(V::load(x + i, n - i)), n - i);
}
template <class V, class F>
inline void map(const float* a, const float* b, float* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; i += V::kLanes) V::store(y + i, f(V::load(a + i, n - i), V::load(b + i, n - i)), n - i);
}

template <class V>
void unary_vector(Activation op, const float* x, float* y, int64_t n, float lo, float hi) {
  using M = Math<V>;
  using T = typename V::T;
  const T zero = V::set(0.0f), one = V::set(1.0f);
  switch (op) {
    case Activation::kIdentity: return map<V>(x, y, n, [](T v) { return v; });
    case Activation::kRelu: return map<V>(x, y, n, [&](T v) { return V::max(zero, v); });
    case Activation::kClip: {
      const T low = V::set(lo), high = V::set(hi);
      return map<V>(x, y, n, [&](T v) { return V::min(high, V::max(low, v)); });
    }
    case Activation::kSigmoid: return map<V>(x, y, n, [](T v) { return M::sigmoid(v); });
    case Activation::kTanh: return map<V>(x, y, n, [](T v) { return M::tanh(v); });
    case Activation::kGelu: return map<V>(x, y, n, [](T v) { return M::gelu(v); });
    case Activation::kGeluTanh: return map<V>(x, y, n, [](T v) { return M::gelu_tanh(v); });
    case Activation::kSilu: return map<V>(x, y, n, [&](T v) { return V::div(v, V::add(one, M::exp(V::sub(zero, v)))); });
    case Activation::kHardSwish: return map<V>(x, y, n, [](T v) { return V::mul(v, M::hard_sigmoid(v)); });
    case Activation::kHardSigmoid: return map<V>(x, y, n, [](T v) { return M::hard_sigmoid(v); });
    case Activation::kExp: return map<V>(x, y, n, [](T v) { return M::exp(v); });
    case Activation::kErf: return map<V>(x, y, n, [](T v) { return M::erf(v); });
    case Activation::kSqrt: return map<V>(x, y, n, [](T v) { return V::sqrt(v); });
    case Activation::kRsqrt: return map<V>(x, y, n, [&](T v) { return V::div(one, V::sqrt(v)); });
    case Activation::kReciprocal: return map<V>(x, y, n, [&](T v) { return V::div(one, v); });
    case Activation::kAbs: return map<V>(x, y, n, [](T v) { return V::abs(v); });
    case Activation::kFloor: return map<V>(x, y, n, [](T v) { return V::floor(v); });
    case Activation::kLeakyRelu: {
      const T slope = V::set(lo);
      return map<V>(x, y, n, [&](T v) { return V::less(zero, v, v, V::mul(v, slope)); });
    }
    default: return unary_scalar(op, x, y, n, lo, hi);
  }
}

// Several minima side by side, so that none waits for the one before it.
template <class V>
void range_vector(const float* x, int64_t n, float* low, float* high) {
  using T = typename V::T;
  constexpr int64_t kSide = 4;
  T least[kSide], most[kSide];
  for (int64_t j = 0; j < kSide; ++j) least[j] = most[j] = V::set(0.0f);
  for (int64_t i = 0; i < n; i += kSide * V::kLanes) {
    for (int64_t j = 0; j < kSide; ++j) {
      const T v = V::load(x + i + j * V::kLanes, n - i - j * V::kLanes);  // zeros past the end
      least[j] = V::min(v, least[j]), most[j] = V::max(v, most[j]);
    }
  }
  float lanes[2][V::kLanes];
  V::store(lanes[0], V::min(V::min(least[0], least[1]), V::min(least[2], least[3])), V::kLanes);
  V::store(lanes[1], V::max(V::max(most[0], most[1]), V::max(most[2], most[3])), V::kLanes);
  *low = lanes[0][0], *high = lanes[1][0];
  for (const float v : lanes[0]) *low = v < *low ? v : *low;
  for (const float v : lanes[1]) *high = v > *high ? v : *high;
}

template <class V>
void finish_dynamic_vector(float* y, int64_t n, float shift, float scale, const float* sums, const float* weight_scale, const float* bias) {
  for (int64_t i = 0; i < n; i += V::kLanes) {
    const auto centered = V::sub(V::load(y + i, n - i), V::mul(V::set(shift), V::load(sums + i, n - i)));
    const auto real = V::mul(centered, V::mul(V::set(scale), V::load(weight_scale + i, n - i)));
    V::store(y + i, V::add(real, bias == nullptr ? V::set(0.0f) : V::load(bias + i, n - i)), n - i);
  }
}

template <class V>
void binary_vector(Binary op, const float* a, const float* b, float* y, int64_t n) {
  using T = typename V::T;
  switch (op) {
    case Binary::kAdd: return map<V>(a, b, y, n, [](T p, T q) { return V::add(p, q); });
    case Binary::kSub: return map<V>(a, b, y, n, [](T p, T q) { return V::sub(p, q); });
    case Binary::kMul: return map<V>(a, b, y, n, [](T p, T q) { return V::mul(p, q); });
    case Binary::kDiv: return map<V>(a, b, y, n, [](T p, T q) { return V::div(p, q); });
    case Binary::kMin: return map<V>(a, b, y, n, [](T p, T q) { return V::nan(q, q, V::less(q, p, q, p)); });
    case Binary::kMax: return map<V>(a, b, y, n, [](T p, T q) { return V::nan(q, q, V::less(p, q, q, p)); });
    default: return binary_scalar(op, a, b, y, n);
  }
}

}  // namespace
}  // namespace fastc::rt
