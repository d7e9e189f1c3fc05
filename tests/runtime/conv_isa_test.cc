// Convolution and linear of every instruction set, against a naive reference: integers bit for bit, f32 to 1e-5 of the largest output.
#include <cmath>

#include "isa_support.h"
#include "tests/catch.h"

using namespace isa_test;

namespace {

struct S8Case {
  int32_t zx, zy, zr, qlo, qhi;
  bool residual, y_f32, extreme;
  bool largest = false;  // every activation 255, every weight ±127, alternating over output channels
};

int rne_clamp(float v, int32_t zy, int32_t lo, int32_t hi) {
  const double q = std::nearbyint(static_cast<double>(v)) + zy;
  return static_cast<int>(q < lo ? lo : q > hi ? hi : q);
}

struct S8Problem {
  ConvShape s;
  S8Case k;
  Guarded<uint8_t> x, residual;
  Guarded<int8_t> w;
  Guarded<int32_t> bias;
  Guarded<float> m;
  std::vector<uint8_t> want;
  std::vector<float> want_f32;

  S8Problem(const ConvShape& shape, const S8Case& kind, uint32_t seed) : s(shape), k(kind) {
    std::mt19937 rng(seed);
    x = Guarded<uint8_t>(s.n * s.h * s.w * s.c);
    for (size_t i = 0; i < x.size(); ++i) x[i] = k.largest ? 255 : k.extreme ? (rng() % 4 ? 255 : 0) : rng() % 256;
    std::vector<int8_t> logical(s.oc * k_of(s));
    for (auto& v : logical) v = static_cast<int8_t>(k.extreme ? (rng() % 3 ? 127 : -127) : int(rng() % 255) - 127);
    for (int64_t i = 0; k.largest && i < int64_t(logical.size()); ++i) logical[i] = i / k_of(s) % 2 ? -127 : 127;
    w = pack_weights(s, logical, 4);
    bias = Guarded<int32_t>(s.oc), m = Guarded<float>(s.oc);
    residual = Guarded<uint8_t>(s.n * s.oh * s.ow * s.oc);
    for (size_t i = 0; i < residual.size(); ++i) residual[i] = rng() % 256;
    for (int64_t o = 0; o < s.oc; ++o) {
      int32_t sum = 0;
      for (int64_t i = 0; i < k_of(s); ++i) sum += logical[o * k_of(s) + i];
      bias[o] = int32_t(rng() % 20001) - 10000 - k.zx * sum;
      // Scaled so that outputs fill the range and some of them clamp.
      m[o] = 200.0f / (120.0f * 100.0f * std::sqrt(float(k_of(s)))) * (0.5f + float(rng() % 1000) / 1000.0f);
      if (k.largest) m[o] = 100.0f / (255.0f * 127.0f * float(k_of(s)));
    }
    reference(logical);
  }

  ConvS8 args(void* y) const {
    ConvS8 a{};
    a.s = s, a.x = x.data(), a.w = w.data(), a.bias = bias.data(), a.m = m.data();
    a.residual = k.residual ? residual.data() : nullptr;
    a.y = y, a.y_f32 = k.y_f32, a.x_zero_point = k.zx, a.y_zero_point = k.zy, a.qlo = k.qlo, a.qhi = k.qhi;
    a.residual_m = 0.37f, a.residual_zero_point = k.zr, a.activation = Activation::kIdentity;
    return a;
  }

 private:
  void reference(const std::vector<int8_t>& logical) {
    for (int64_t n = 0; n < s.n; ++n)
      for (int64_t y = 0; y < s.oh; ++y)
        for (int64_t z = 0; z < s.ow; ++z)
          for (int64_t o = 0; o < s.oc; ++o) {
            const int32_t acc = convolve<int32_t>(s, x.data(), logical.data(), k.zx, n, y, z, o) + bias[o];
            float v = static_cast<float>(acc) * m[o];
            want_f32.push_back(v);
            if (k.residual) {
              const float r = static_cast<float>(residual[want.size()] - k.zr) * 0.37f;
              v = v + r;
            }
            want.push_back(static_cast<uint8_t>(rne_clamp(v, k.zy, k.qlo, k.qhi)));
          }
  }
};

void check_s8(const KernelTable& table, const S8Problem& p) {
  for (const auto& kernel : table.conv_s8) {
    if (!kernel.run) break;
    Guarded<uint8_t> y(p.want.size() * (p.k.y_f32 ? 4 : 1));
    const ConvS8 a = p.args(y.data());
    if (kernel.accepts && !kernel.accepts(a)) continue;
    for (int64_t piece : {int64_t{1} << 40, int64_t{3}}) {
      std::memset(y.data(), 0x5a, y.size());
      INFO(table.isa << " " << kernel.name << " " << text(p.s) << " pieces of " << piece);
      REQUIRE(run_in_pieces(kernel, a, piece));
      const void* want = p.k.y_f32 ? static_cast<const void*>(p.want_f32.data()) : p.want.data();
      REQUIRE(std::memcmp(y.data(), want, y.size()) == 0);
      REQUIRE(y.intact());
    }
  }
}

void check_f32(const KernelTable& table, const ConvShape& s, bool residual, Activation act, uint32_t seed) {
  std::mt19937 rng(seed);
  auto value = [&] { return static_cast<float>(int(rng() % 2001) - 1000) * 1e-3f; };
  Guarded<float> x(s.n * s.h * s.w * s.c), bias(s.oc), r(s.n * s.oh * s.ow * s.oc), y(r.size());
  std::vector<float> logical(s.oc * k_of(s));
  for (auto* a : {&x, &bias, &r})
    for (size_t i = 0; i < a->size(); ++i) (*a)[i] = value();
  for (auto& v : logical) v = value();
  const Guarded<float> w = pack_weights(s, logical, 1);
  std::vector<double> want;
  double largest = 1e-30;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t oy = 0; oy < s.oh; ++oy)
      for (int64_t ox = 0; ox < s.ow; ++ox)
        for (int64_t o = 0; o < s.oc; ++o) {
          double v = convolve<double>(s, x.data(), logical.data(), 0.0, n, oy, ox, o) + bias[o];
          if (residual) v += r[want.size()];
          largest = std::max(largest, std::abs(v));  // before a clamp could make it small
          if (act == Activation::kRelu) v = std::max(v, 0.0);
          if (act == Activation::kClip) v = std::min(std::max(v, -0.5), 0.75);
          if (act == Activation::kTanh) v = std::tanh(v);
          want.push_back(v);
        }
  const ConvF32 a{s, x.data(), w.data(), bias.data(), residual ? r.data() : nullptr, y.data(), act, -0.5f, 0.75f};
  for (const auto& kernel : table.conv_f32) {
    if (!kernel.run) break;
    if (kernel.accepts && !kernel.accepts(a)) continue;
    std::vector<float> whole;
    for (int64_t piece : {int64_t{1} << 40, int64_t{2}}) {
      std::memset(y.data(), 0x5a, y.size() * 4);
      INFO(table.isa << " " << kernel.name << " " << text(s) << " pieces of " << piece);
      REQUIRE(run_in_pieces(kernel, a, piece));
      REQUIRE(y.intact());
      double worst = 0;
      for (size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(want[i] - y[i]));
      REQUIRE(worst <= 1e-5 * largest);
      if (whole.empty()) whole.assign(y.data(), y.data() + y.size());
      REQUIRE(std::memcmp(whole.data(), y.data(), y.size() * 4) == 0);
    }
  }
}

}  // namespace

TEST_CASE("integer convolution is exact on every instruction set") {
  const auto tables = runnable_tables();
  if (tables.empty()) WARN("skipped: this CPU runs none of the tables");
  const S8Case kinds[] = {{0, 0, 0, 0, 255, false, false, false},   {128, 3, 128, 3, 255, true, false, false},
                          {255, 128, 0, 0, 255, false, false, true}, {0, 255, 255, 10, 200, true, false, true},
                          {7, 0, 0, 0, 255, false, true, false}};
  uint32_t seed = 1;
  for (const ConvShape& s : conv_grid())
    for (const S8Case& kind : kinds) {
      const S8Problem problem(s, kind, ++seed);
      for (const KernelTable* table : tables) check_s8(*table, problem);
    }
}

TEST_CASE("fp32 convolution agrees with double precision on every instruction set") {
  const Activation kinds[] = {Activation::kIdentity, Activation::kRelu, Activation::kClip, Activation::kTanh};
  uint32_t seed = 1;
  for (const ConvShape& s : conv_grid()) {
    ++seed;
    for (const KernelTable* table : runnable_tables()) check_f32(*table, s, seed % 2 != 0, kinds[seed / 2 % 4], seed);
  }
}

TEST_CASE("the largest sums that a kernel accepts are exact") {
  const S8Case kind{128, 128, 0, 0, 255, false, false, true, true}, real{0, 0, 0, 0, 255, false, true, true, true};
  uint32_t seed = 1;
  for (int64_t c : {8, 104, 112, 120, 512})
    for (const S8Case& k : {kind, real}) {
      const S8Problem problem(conv_shape(1, 8, 9, c, 24, 3, 1, 1), k, ++seed);
      for (const KernelTable* table : runnable_tables()) check_s8(*table, problem);
    }
}
