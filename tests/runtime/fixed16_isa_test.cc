// Sums of 16-bit fixed point of every instruction set, against 64-bit arithmetic.
#include <cmath>

#include "isa_support.h"
#include "tests/catch.h"

using namespace isa_test;

namespace {

template <typename W>
using Dots = void (*)(const int16_t*, int64_t, int64_t, const W*, int64_t, int64_t, int64_t*);

// Numbers in ±largest, or, where `ends` says so, at its ends: alternating, or all on one side, which is where a narrow sum overflows first.
template <typename T>
Guarded<T> numbers(size_t count, int64_t largest, int ends, uint32_t seed) {
  Guarded<T> out(count);
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    const int64_t random = static_cast<int64_t>(seed >> 8) % (2 * largest + 1) - largest;
    out[i] = static_cast<T>(ends == 0 ? random : ends == 1 ? largest : i % 2 == 0 ? largest : -largest);
  }
  return out;
}

template <typename W>
void check(Dots<W> dots, int64_t largest, int64_t rows, int64_t channels, int64_t k, int ends) {
  const auto count = [](int64_t a, int64_t b) { return static_cast<size_t>(a * b); };
  const int64_t step = (k + kDotsLanes - 1) / kDotsLanes * kDotsLanes;
  Guarded<int16_t> x = numbers<int16_t>(count(kDotsRows, step), 32767, ends, 1);
  for (int64_t r = 0; r < kDotsRows; ++r)
    for (int64_t i = k; i < step; ++i) x[count(r, step) + static_cast<size_t>(i)] = 0;
  const Guarded<W> w = numbers<W>(count(channels, k), largest, ends, 2);
  Guarded<int64_t> sums(count(kDotsRows, channels));
  dots(x.data(), step, rows, w.data(), channels, k, sums.data());
  INFO(rows << " rows, " << channels << " channels, " << k << " inputs, ends " << ends);
  CHECK(sums.intact());
  bool same = true;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < channels; ++o) {
      int64_t sum = 0;
      for (int64_t i = 0; i < k; ++i) sum += int64_t{x[count(r, step) + static_cast<size_t>(i)]} * w[count(o, k) + static_cast<size_t>(i)];
      same = same && sums[count(r, channels) + static_cast<size_t>(o)] == sum;
    }
  CHECK(same);
}

template <typename W>
void check_all(Dots<W> dots, int64_t largest) {
  for (const int64_t k : {1, 15, 16, 17, 31, 32, 33, 63, 64, 100})
    for (const int64_t rows : {1, 2, 3, 4})
      for (const int64_t channels : {4, 8, 12})
        for (const int ends : {0, 1, 2}) check(dots, largest, rows, channels, k, ends);
  for (const int64_t k : {4096 - 1, 4096 + 1, 8192 + 40, 20000})  // beyond a run of 256 pairs
    for (const int ends : {0, 1, 2}) check(dots, largest, 4, 4, k, ends);
}

}  // namespace

TEST_CASE("results of 16 bits are those of one rounding each, at ties, bounds, NaN and beyond 2^32") {
  std::vector<int64_t> sums{0, 1, 3, 5, -1, -3, 1000, -1000, int64_t{1} << 33, -(int64_t{1} << 40), (int64_t{1} << 50) + 12345, 16777217, 16777219, -16777217, 7, 9, 11};
  std::vector<int32_t> bias(sums.size(), 0);
  std::vector<float> m(sums.size(), 0.5f);
  std::vector<int16_t> residual(sums.size(), 3);
  bias[1] = 2, bias[2] = -2147483647, m[8] = 1e-6f, m[9] = 3e-9f, m[10] = 1.1e-11f, m[11] = 2e-4f, m[12] = 0.00195f, m[14] = std::numeric_limits<float>::quiet_NaN(), residual[5] = -32767;
  for (const KernelTable* table : runnable_tables()) {
    if (table->finish_s16 == nullptr) continue;
    for (const bool with : {false, true})
      for (const size_t n : {8, 16}) {
        Guarded<int16_t> y(n);
        table->finish_s16(sums.data(), bias.data(), m.data(), with ? residual.data() : nullptr, 0.3f, y.data(), static_cast<int64_t>(n), -20000, 30000);
        INFO(table->isa << " " << n << " results, residual " << with);
        CHECK(y.intact());
        for (size_t i = 0; i < n; ++i) {
          float v = static_cast<float>(sums[i] + bias[i]) * m[i];
          if (with) v = v + static_cast<float>(residual[i]) * 0.3f;
          const double rounded = std::isnan(v) ? -20000 : std::clamp(std::nearbyint(static_cast<double>(v)), -20000.0, 30000.0);
          INFO("result " << i);
          CHECK(y[i] == rounded);
        }
      }
  }
}

TEST_CASE("sums of 16 bits are exact under weights of 8 and of 16 bits, at the ends of the range and past every run") {
  int tables = 0;
  for (const KernelTable* table : runnable_tables()) {
    if (table->dots_s16_s8 == nullptr) continue;
    INFO(table->isa);
    check_all<int8_t>(table->dots_s16_s8, 127);
    check_all<int16_t>(table->dots_s16_s16, 32767);
    check<int16_t>(table->dots_s16_s16, 32767, 1, 4, 32 * 32767 + 100, 1);
    ++tables;
  }
#if defined(__x86_64__)
  if (runnable_tables().size() > 1) CHECK(tables > 0);
#endif
}
