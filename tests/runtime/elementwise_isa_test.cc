// Elementwise rows of every instruction set, against <cmath> in double precision and the integer formulas.
#include <cmath>
#include <limits>

#include "isa_support.h"
#include "tests/catch.h"

using namespace isa_test;

namespace {

double exact(Activation op, double x, double lo, double hi) {
  switch (op) {
    case Activation::kIdentity: return x;
    case Activation::kRelu: return std::max(x, 0.0);
    case Activation::kClip: return std::min(std::max(x, lo), hi);
    case Activation::kSigmoid: return 1 / (1 + std::exp(-x));
    case Activation::kTanh: return std::tanh(x);
    case Activation::kGelu: return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::kGeluTanh: return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kSilu: return x / (1 + std::exp(-x));
    case Activation::kHardSwish: return x * std::min(std::max(x + 3, 0.0), 6.0) / 6;
    case Activation::kHardSigmoid: return std::min(std::max(x + 3, 0.0), 6.0) / 6;
    case Activation::kExp: return std::exp(x);
    case Activation::kLog: return std::log(x);
    case Activation::kSqrt: return std::sqrt(x);
    case Activation::kRsqrt: return 1 / std::sqrt(x);
    case Activation::kNeg: return -x;
    case Activation::kAbs: return std::abs(x);
    case Activation::kErf: return std::erf(x);
    case Activation::kSin: return std::sin(x);
    case Activation::kCos: return std::cos(x);
    case Activation::kReciprocal: return 1 / x;
    case Activation::kNot: return x == 0;
    case Activation::kFloor: return std::floor(x);
    case Activation::kLeakyRelu: return x > 0 ? x : x * lo;
    case Activation::kElu: return x > 0 ? x : lo * std::expm1(x);
    case Activation::kSoftplus: return x > 20 ? x : std::log1p(std::exp(x));
  }
  return 0;
}

int rounded(float v, int zero, int lo, int hi) {
  const double q = std::nearbyint(static_cast<double>(v)) + zero;
  return static_cast<int>(q < lo ? lo : q > hi ? hi : q);
}

}  // namespace

TEST_CASE("functions agree with double precision, up to the ends of their ranges") {
  for (const KernelTable* table : runnable_tables()) {
    if (!table->unary_f32) continue;
    for (uint32_t op = 0; op <= static_cast<uint32_t>(Activation::kSoftplus); ++op) {
      const auto activation = static_cast<Activation>(op);
      const bool positive = activation == Activation::kLog || activation == Activation::kSqrt || activation == Activation::kRsqrt;
      std::vector<float> values;
      for (double magnitude = 1e-6; magnitude < 88; magnitude *= 1.0137)
        for (double sign : {1.0, -1.0})
          if (!positive || sign > 0) values.push_back(static_cast<float>(sign * magnitude));
      Guarded<float> x(values.size()), y(values.size());
      std::memcpy(x.data(), values.data(), values.size() * 4);
      table->unary_f32(activation, x.data(), y.data(), static_cast<int64_t>(x.size()), 0.25f, 0.75f);
      REQUIRE(y.intact());
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = exact(activation, x[i], 0.25, 0.75);
        const bool gelu = activation == Activation::kGelu || activation == Activation::kGeluTanh;
        const double allowed = 1e-6 * std::max(std::abs(want), gelu ? std::abs(x[i]) : 1e-30);
        INFO(table->isa << " function " << op << " of " << x[i] << ": " << y[i] << ", not " << want);
        REQUIRE(std::abs(y[i] - want) <= allowed + 1e-37);
      }
      for (int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31}) {  // tails
        Guarded<float> part(static_cast<size_t>(n));
        table->unary_f32(activation, x.data(), part.data(), n, 0.25f, 0.75f);
        REQUIRE(part.intact());
        REQUIRE(std::memcmp(part.data(), y.data(), static_cast<size_t>(n) * 4) == 0);
      }
    }
  }
}

TEST_CASE("functions keep NaN and reach their limits") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const KernelTable* table : runnable_tables()) {
    if (!table->unary_f32) continue;
    auto f = [&](Activation op, float x) {
      float y;
      table->unary_f32(op, &x, &y, 1, -1.0f, 1.0f);
      return y;
    };
    for (Activation op : {Activation::kRelu, Activation::kClip, Activation::kSigmoid, Activation::kTanh, Activation::kGelu,
                          Activation::kSilu, Activation::kExp, Activation::kErf, Activation::kHardSwish})
      REQUIRE(std::isnan(f(op, nan)));
    REQUIRE(f(Activation::kExp, 200) == inf);
    REQUIRE(f(Activation::kExp, inf) == inf);
    REQUIRE(f(Activation::kExp, -inf) == 0);
    REQUIRE(f(Activation::kExp, 0) == 1);
    REQUIRE(f(Activation::kSigmoid, -inf) == 0);
    REQUIRE(f(Activation::kSigmoid, 500) == 1);
    REQUIRE(f(Activation::kTanh, 500) == 1);
    REQUIRE(f(Activation::kTanh, -inf) == -1);
    REQUIRE(f(Activation::kErf, -30) == -1);
    REQUIRE(f(Activation::kSilu, -200) == 0);
  }
}

TEST_CASE("binary rows agree with C++, NaN included") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::mt19937 rng(3);
  for (const KernelTable* table : runnable_tables()) {
    if (!table->binary_f32) continue;
    for (int64_t n : {1, 5, 8, 16, 33}) {
      Guarded<float> a(n), b(n), y(n);
      for (int64_t i = 0; i < n; ++i) a[i] = i % 7 == 3 ? nan : float(rng() % 9), b[i] = i % 5 == 2 ? nan : float(rng() % 9 + 1);
      auto check = [&](Binary op, auto f) {
        table->binary_f32(op, a.data(), b.data(), y.data(), n);
        REQUIRE(y.intact());
        for (int64_t i = 0; i < n; ++i) REQUIRE(((std::isnan(y[i]) && std::isnan(f(a[i], b[i]))) || y[i] == f(a[i], b[i])));
      };
      check(Binary::kAdd, [](float p, float q) { return p + q; });
      check(Binary::kSub, [](float p, float q) { return p - q; });
      check(Binary::kMul, [](float p, float q) { return p * q; });
      check(Binary::kDiv, [](float p, float q) { return p / q; });
      check(Binary::kPow, [](float p, float q) { return std::pow(p, q); });
      check(Binary::kMin, [](float p, float q) { return p != p || q != q ? p + q : std::min(p, q); });
      check(Binary::kMax, [](float p, float q) { return p != p || q != q ? p + q : std::max(p, q); });
      check(Binary::kLe, [](float p, float q) { return float(p <= q); });
    }
  }
}

TEST_CASE("quantize, dequantize and the integer add are exact") {
  std::mt19937 rng(5);
  for (const KernelTable* table : runnable_tables())
    for (int64_t n : {1, 7, 16, 45, 300})
      for (int zero : {0, 3, 128, 255}) {
        Guarded<float> x(n), back(n);
        Guarded<uint8_t> q(n), r(n), sum(n);
        for (int64_t i = 0; i < n; ++i) x[i] = (int(rng() % 4001) - 2000) * 0.125f, r[i] = rng() % 256;
        x[0] = n == 7 ? 3e38f : -3e38f;
        if (table->quantize) {
          table->quantize(x.data(), q.data(), n, 1.5f, zero);  // halves are common here
          REQUIRE(q.intact());
          for (int64_t i = 0; i < n; ++i) REQUIRE(int(q[i]) == rounded(x[i] * 1.5f, zero, 0, 255));
        }
        if (table->dequantize) {
          table->dequantize(r.data(), back.data(), n, 0.3f, zero);
          REQUIRE(back.intact());
          for (int64_t i = 0; i < n; ++i) REQUIRE(back[i] == 0.3f * static_cast<float>(r[i] - zero));
        }
        if (table->add_s8) {
          for (int64_t i = 0; i < n; ++i) q[i] = rng() % 256;
          table->add_s8(q.data(), r.data(), sum.data(), n, 0.7f, zero, 0.45f, 9, 12, 12, 240);
          REQUIRE(sum.intact());
          for (int64_t i = 0; i < n; ++i) {
            const float va = static_cast<float>(q[i] - zero) * 0.7f, vb = static_cast<float>(r[i] - 9) * 0.45f;
            REQUIRE(int(sum[i]) == rounded(va + vb, 12, 12, 240));
          }
        }
      }
}

TEST_CASE("ranges and results of rows quantized at run time are exact, NaN passed over") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::mt19937 rng(7);
  for (const KernelTable* table : runnable_tables()) {
    if (!table->range) continue;
    REQUIRE(table->finish_dynamic);
    for (int64_t n : {1, 7, 8, 16, 45, 64, 131}) {
      Guarded<float> x(n), y(n), sums(n), scales(n), bias(n);
      float low = 0, high = 0, least, most;
      for (int64_t i = 0; i < n; ++i) {
        x[i] = n == 8 ? float(i + 1) : (int(rng() % 4001) - 2000) * 0.125f;  // of one sign: 0 belongs to the range
        if (i % 11 == 4) x[i] = nan;
        if (!std::isnan(x[i])) low = std::min(low, x[i]), high = std::max(high, x[i]);
        sums[i] = float(int(rng() % 20001) - 10000), scales[i] = float(rng() % 1000) * 1e-5f, bias[i] = float(rng() % 100) * 0.01f;
      }
      table->range(x.data(), n, &least, &most);
      REQUIRE(least == low);
      REQUIRE(most == high);
      for (const float* b : {static_cast<const float*>(bias.data()), static_cast<const float*>(nullptr)}) {
        for (int64_t i = 0; i < n; ++i) y[i] = float(1000 * i - 30000);
        table->finish_dynamic(y.data(), n, -97.0f, 0.013f, sums.data(), scales.data(), b);
        REQUIRE(y.intact());
        for (int64_t i = 0; i < n; ++i) {
          const volatile float shifted = -97.0f * sums[i], scale = 0.013f * scales[i];  // each operation rounds
          const volatile float centered = float(1000 * i - 30000) - shifted, real = centered * scale;
          REQUIRE(y[i] == real + (b == nullptr ? 0.0f : b[i]));
        }
      }
    }
  }
}
