// Block-sparse products on every instruction set and in the generic kernel, against double precision.
#include <cmath>

#include "isa_support.h"
#include "tests/catch.h"

using namespace isa_test;

namespace {

struct Problem {
  int64_t rows, k, oc;
  Guarded<float> x, bias, residual, values;
  std::vector<int32_t> inputs, starts{0};
  std::vector<double> dense;  // [oc][k]

  // Each block is there with probability share / 8.
  Problem(int64_t rows, int64_t k, int64_t oc, uint32_t share, uint32_t seed) : rows(rows), k(k), oc(oc), dense(static_cast<size_t>(oc * k), 0.0) {
    std::mt19937 rng(seed);
    auto value = [&] { return static_cast<float>(int(rng() % 2001) - 1000) * 1e-3f; };
    std::vector<float> numbers;
    for (int64_t panel = 0; panel < (oc + 15) / 16; ++panel) {
      for (int64_t i = 0; i < k; ++i) {
        if (rng() % 8 >= share) continue;
        inputs.push_back(static_cast<int32_t>(i));
        for (int64_t lane = 0; lane < 16; ++lane) {
          const bool there = panel * 16 + lane < oc;
          numbers.push_back(there ? value() : 0.0f);
          if (there) dense[(panel * 16 + lane) * k + i] = numbers.back();
        }
      }
      starts.push_back(static_cast<int32_t>(inputs.size()));
    }
    values = Guarded<float>(numbers.size());
    std::copy(numbers.begin(), numbers.end(), values.data());
    x = Guarded<float>(static_cast<size_t>(rows * k)), bias = Guarded<float>(static_cast<size_t>(oc)), residual = Guarded<float>(static_cast<size_t>(rows * oc));
    for (auto* a : {&x, &bias, &residual})
      for (size_t i = 0; i < a->size(); ++i) (*a)[i] = value();
  }
};

void check(const TiledKernel<SparseF32>& kernel, const char* isa, const Problem& p, bool residual, Activation act) {
  std::vector<double> want;
  double largest = 1e-30;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t o = 0; o < p.oc; ++o) {
      double v = p.bias[o] + (residual ? p.residual[r * p.oc + o] : 0.0f);
      for (int64_t i = 0; i < p.k; ++i) v += p.dense[o * p.k + i] * p.x[r * p.k + i];
      largest = std::max(largest, std::abs(v));
      want.push_back(act == Activation::kTanh ? std::tanh(v) : act == Activation::kRelu ? std::max(v, 0.0) : v);
    }
  Guarded<float> y(want.size());
  const SparseF32 a{p.rows, p.k, p.oc, p.x.data(), p.values.data(), p.inputs.data(), p.starts.data(), p.bias.data(), residual ? p.residual.data() : nullptr, y.data(), act, 0, 0};
  for (int64_t piece : {int64_t{1} << 40, int64_t{1}}) {
    std::memset(y.data(), 0x5a, y.size() * 4);
    INFO(isa << " " << kernel.name << " " << p.rows << "x" << p.k << " -> " << p.oc << ", " << p.inputs.size() << " blocks, pieces of " << piece);
    REQUIRE(run_in_pieces(kernel, a, piece));
    REQUIRE(y.intact());
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(want[i] - y[i]));
    REQUIRE(worst <= 1e-5 * largest);
  }
}

}  // namespace

TEST_CASE("block-sparse weights agree with double precision on every instruction set") {
  const Activation kinds[] = {Activation::kIdentity, Activation::kRelu, Activation::kTanh};
  const int64_t sizes[][3] = {{1, 1, 1}, {1, 64, 48}, {2, 33, 17}, {3, 40, 16}, {5, 100, 70}, {8, 64, 32}, {15, 31, 33}, {64, 48, 16}, {130, 70, 50}, {1, 700, 200}};
  uint32_t seed = 1;
  for (const auto& size : sizes)
    for (const uint32_t share : {0u, 1u, 4u, 8u}) {  // no block at all, an eighth, half, every block
      const Problem problem(size[0], size[1], size[2], share, ++seed);
      check(generic_kernels().sparse_f32[0], "generic", problem, seed % 2 == 0, kinds[seed % 3]);
      for (const KernelTable* table : runnable_tables())
        for (const auto& kernel : table->sparse_f32)
          if (kernel.run) check(kernel, table->isa, problem, seed % 2 == 0, kinds[seed % 3]);
    }
}
