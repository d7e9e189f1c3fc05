// Matrix products of every instruction set, against double precision.
#include <cmath>

#include "isa_support.h"
#include "tests/catch.h"

using namespace isa_test;

TEST_CASE("matmul agrees with double precision in every layout") {
  std::mt19937 rng(11);
  auto value = [&] { return static_cast<float>(int(rng() % 2001) - 1000) * 1e-3f; };
  const int64_t sizes[][3] = {{1, 1, 1}, {1, 70, 33}, {3, 17, 40}, {4, 16, 8}, {5, 15, 7}, {57, 64, 16}, {60, 130, 19}, {128, 65, 64}, {7, 3, 1500}};
  for (const auto& size : sizes)
    for (int layout = 0; layout < 8; ++layout) {
      const bool ta = layout & 1, tb = layout & 2, broadcast = layout & 4;
      const int64_t batch = 3, m = size[0], n = size[1], k = size[2];
      Guarded<float> a(batch * m * k), b((broadcast ? 1 : batch) * n * k), y(batch * m * n);
      for (auto* v : {&a, &b})
        for (size_t i = 0; i < v->size(); ++i) (*v)[i] = value();
      std::vector<double> want;
      double largest = 1e-30;
      for (int64_t g = 0; g < batch; ++g)
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (int64_t l = 0; l < k; ++l)
              sum += double(a[g * m * k + (ta ? l * m + i : i * k + l)]) * b[(broadcast ? 0 : g * n * k) + (tb ? j * k + l : l * n + j)];
            want.push_back(sum);
            largest = std::max(largest, std::abs(sum));
          }
      const MatmulF32 args{batch, m, n, k, a.data(), b.data(), y.data(), m * k, broadcast ? 0 : n * k, ta, tb};
      for (const KernelTable* table : runnable_tables())
        for (const auto& kernel : table->matmul_f32) {
          if (!kernel.run) break;
          if (kernel.accepts && !kernel.accepts(args)) continue;
          for (int64_t piece : {int64_t{1} << 40, int64_t{1}}) {
            std::memset(y.data(), 0x5a, y.size() * 4);
            INFO(table->isa << " " << kernel.name << " " << m << "x" << n << "x" << k << " layout " << layout << " pieces of " << piece);
            REQUIRE(run_in_pieces(kernel, args, piece));
            REQUIRE(y.intact());
            double worst = 0;
            for (size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(want[i] - y[i]));
            REQUIRE(worst <= 1e-5 * largest);
          }
        }
    }
}
