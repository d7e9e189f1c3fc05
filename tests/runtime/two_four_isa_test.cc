// 2:4 products on every instruction set that has a kernel for them, against double precision.
#include <cmath>
#include <cstring>
#include <random>

#include "isa_support.h"
#include "tests/catch.h"

using namespace isa_test;

namespace {

constexpr int64_t kMostRows = 8;

struct Problem {
  ConvShape s;
  std::vector<float> w;  // [oc][k], two of each four at most
  Guarded<float> packed, x, bias, residual;

  Problem(int64_t rows, int64_t k, int64_t oc, uint32_t seed) : s(isa_test::linear_shape(rows, k, oc)), w(static_cast<size_t>(oc * k), 0.0f) {
    std::mt19937 rng(seed);
    auto value = [&] { return static_cast<float>(int(rng() % 2001) - 1000) * 1e-3f; };
    for (size_t four = 0; four < w.size() / 4; ++four)
      for (uint32_t left = rng() % 3; left > 0; --left) w[four * 4 + rng() % 4] = value();  // two, one, none; each place with each
    packed = pack_weights<float>(s, w, 1);
    x = Guarded<float>(static_cast<size_t>(rows * k)), bias = Guarded<float>(static_cast<size_t>(oc)), residual = Guarded<float>(static_cast<size_t>(rows * oc));
    for (auto* a : {&x, &bias, &residual})
      for (size_t i = 0; i < a->size(); ++i) (*a)[i] = value();
  }
  ConvF32 args(float* y, bool with_residual, Activation act) const {
    return {s, x.data(), packed.data(), bias.data(), with_residual ? residual.data() : nullptr, y, act, 0, 0, true};
  }
};

void check(const TiledKernel<ConvF32>& kernel, const char* isa, const Problem& p, bool residual, Activation act) {
  Guarded<float> y(static_cast<size_t>(p.s.n * p.s.oc));
  for (const int64_t piece : {int64_t{1} << 40, int64_t{1}}) {
    std::memset(y.data(), 0x5a, y.size() * 4);
    INFO(isa << " " << kernel.name << " " << text(p.s) << ", pieces of " << piece);
    REQUIRE(run_in_pieces(kernel, p.args(y.data(), residual, act), piece));
    REQUIRE(y.intact());
    double worst = 0, largest = 1e-30;
    for (int64_t r = 0; r < p.s.n; ++r)
      for (int64_t o = 0; o < p.s.oc; ++o) {
        double v = convolve<double>(p.s, p.x.data(), p.w.data(), 0.0, r, 0, 0, o) + p.bias[o] + (residual ? p.residual[r * p.s.oc + o] : 0.0f);
        v = act == Activation::kTanh ? std::tanh(v) : act == Activation::kRelu ? std::max(v, 0.0) : v;
        worst = std::max(worst, std::abs(v - y[r * p.s.oc + o])), largest = std::max(largest, std::abs(v));
      }
    REQUIRE(worst <= 1e-5 * largest);
  }
}

const TiledKernel<ConvF32>& chosen(const KernelTable& table, const ConvF32& args) {
  size_t first = 0;
  while (table.conv_f32[first].accepts != nullptr && !table.conv_f32[first].accepts(args)) ++first;
  return table.conv_f32[first];
}

}  // namespace

TEST_CASE("2:4 weights agree with double precision on every instruction set") {
  const Activation kinds[] = {Activation::kIdentity, Activation::kRelu, Activation::kTanh};
  uint32_t seed = 0;
  for (int64_t rows = 1; rows <= kMostRows + 1; ++rows)
    for (const auto& [k, oc] : {std::pair<int64_t, int64_t>{4, 1}, {8, 16}, {12, 17}, {64, 64}, {36, 70}, {100, 130}, {700, 48}}) {
      const Problem problem(rows, k, oc, ++seed);
      for (const KernelTable* table : runnable_tables()) {
        if (table->conv_f32[0].run == nullptr) continue;  // integers only: what is below it runs
        check(chosen(*table, problem.args(nullptr, false, Activation::kIdentity)), table->isa, problem, seed % 2 == 0, kinds[seed % 3]);
      }
    }
}

TEST_CASE("the 2:4 kernel takes few rows of products without a window, and no other weight") {
  for (const KernelTable* table : runnable_tables()) {
    if (std::strcmp(table->isa, "avx512") != 0) continue;  // tables above it fall back to this one
    const auto name = [&](const ConvShape& s, bool two_four) {
      return std::string(chosen(*table, {s, nullptr, nullptr, nullptr, nullptr, nullptr, Activation::kIdentity, 0, 0, two_four}).name);
    };
    const std::string kernel = "two_four_f32_avx512";
    CHECK(name(isa_test::linear_shape(1, 64, 10), true) == kernel);
    CHECK(name(isa_test::linear_shape(kMostRows, 64, 10), true) == kernel);
    CHECK(name(isa_test::linear_shape(kMostRows + 1, 64, 10), true) != kernel);
    CHECK(name(isa_test::linear_shape(1, 64, 10), false) != kernel);
    CHECK(name(isa_test::conv_shape(1, 2, 2, 64, 16, 1), true) == kernel);
    CHECK(name(isa_test::conv_shape(1, 2, 2, 64, 16, 3, 1, 1), true) != kernel);
    CHECK(name(isa_test::conv_shape(1, 4, 4, 64, 16, 1, 2), true) != kernel);
  }
}
