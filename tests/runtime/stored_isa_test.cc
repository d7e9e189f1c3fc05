// Products with weights in fewer bits, on every instruction set and in the generic kernel, against double precision.
#include <cmath>

#include "backends/runtime/half.h"
#include "isa_support.h"
#include "tests/catch.h"

namespace fastc::rt {
void decode_panels(const StoredF32& a, int64_t taps, int64_t depth, float* panels);  // generic/generic.h, whose other names isa_support.h has too
}

using namespace isa_test;

namespace {

const char* name_of(StoredForm form) {
  constexpr const char* kNames[] = {"s8", "s4", "f16", "bf16"};
  return kNames[static_cast<int>(form)];
}

// A weight of random codes in the panels of format.h, packed by this test's own idea of them, and the numbers they stand for.
struct Problem {
  int64_t rows, k, oc, group;
  StoredForm form;
  Guarded<uint8_t> w;
  Guarded<float> scales, x, bias, residual;
  std::vector<double> real;  // [oc][k]

  Problem(int64_t rows, int64_t k, int64_t oc, int64_t group, StoredForm form, uint32_t seed) : rows(rows), k(k), oc(oc), group(group), form(form) {
    std::mt19937 rng(seed);
    auto value = [&] { return static_cast<float>(int(rng() % 2001) - 1000) * 1e-3f; };
    const int64_t panels = (oc + 15) / 16, groups = (k + group - 1) / group;
    const bool half = form == StoredForm::kF16 || form == StoredForm::kBF16;
    w = Guarded<uint8_t>(static_cast<size_t>(panels * 16 * (form == StoredForm::kS4 ? (k + 1) / 2 : half ? 2 * k : k)));
    std::fill(w.data(), w.data() + w.size(), form == StoredForm::kS4 ? 0x88 : 0);
    scales = Guarded<float>(half ? 0 : static_cast<size_t>(panels * groups * 16));
    for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.01f + std::abs(value()) * 0.02f;
    x = Guarded<float>(static_cast<size_t>(rows * k)), bias = Guarded<float>(static_cast<size_t>(oc)), residual = Guarded<float>(static_cast<size_t>(rows * oc));
    for (auto* a : {&x, &bias, &residual})
      for (size_t i = 0; i < a->size(); ++i) (*a)[i] = value();
    for (int64_t o = 0; o < oc; ++o)
      for (int64_t i = 0; i < k; ++i) real.push_back(put(o, i, rng));
  }

  StoredF32 args(float* y, bool with_residual, Activation act) const {
    return {rows, k, oc, x.data(), w.data(), scales.size() > 0 ? scales.data() : nullptr, group, bias.data(), with_residual ? residual.data() : nullptr, y, form, act, -0.5f, 0.75f};
  }

  std::vector<double> want(bool with_residual, Activation act, double& largest) const {
    std::vector<double> out;
    largest = 1e-30;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t o = 0; o < oc; ++o) {
        double v = bias[o] + (with_residual ? residual[r * oc + o] : 0.0f);
        for (int64_t i = 0; i < k; ++i) v += real[o * k + i] * x[r * k + i];
        largest = std::max(largest, std::abs(v));  // before a clamp could make it small
        if (act == Activation::kRelu) v = std::max(v, 0.0);
        if (act == Activation::kClip) v = std::min(std::max(v, -0.5), 0.75);
        if (act == Activation::kTanh) v = std::tanh(v);
        out.push_back(v);
      }
    return out;
  }

 private:
  double put(int64_t o, int64_t i, std::mt19937& rng) {
    const int64_t panel = o / 16, lane = o % 16;
    if (form == StoredForm::kF16 || form == StoredForm::kBF16) {
      // Any exponent around 1, subnormal halves now and then.
      const uint16_t bits = static_cast<uint16_t>(form == StoredForm::kBF16 ? (rng() & 0x80ff) | 0x3f00 : rng() % 8 == 0 ? rng() & 0x83ff : (rng() & 0x87ff) | 0x3800);
      std::memcpy(w.data() + ((panel * k + i) * 16 + lane) * 2, &bits, 2);
      return form == StoredForm::kBF16 ? bfloat_to_float(bits) : half_to_float(bits);
    }
    const double scale = scales[(panel * ((k + group - 1) / group) + i / group) * 16 + lane];
    if (form == StoredForm::kS8) {
      const auto q = static_cast<int8_t>(int(rng() % 255) - 127);
      w[(panel * k + i) * 16 + lane] = static_cast<uint8_t>(q);
      return scale * q;
    }
    const int q = int(rng() % 15) - 7;
    uint8_t& byte = w[(panel * ((k + 1) / 2) + i / 2) * 16 + lane];
    byte = static_cast<uint8_t>(i % 2 == 0 ? (byte & 0xf0) | (q + 8) : (byte & 0x0f) | (q + 8) << 4);
    return scale * q;
  }
};

void check(const TiledKernel<StoredF32>& kernel, const char* isa, const Problem& p, bool residual, Activation act) {
  double largest = 0;
  const std::vector<double> want = p.want(residual, act, largest);
  Guarded<float> y(want.size());
  const StoredF32 a = p.args(y.data(), residual, act);
  for (int64_t piece : {int64_t{1} << 40, int64_t{1}}) {
    std::memset(y.data(), 0x5a, y.size() * 4);
    INFO(isa << " " << kernel.name << " " << name_of(p.form) << " " << p.rows << "x" << p.k << " -> " << p.oc << " group " << p.group << " pieces of " << piece);
    REQUIRE(run_in_pieces(kernel, a, piece));
    REQUIRE(y.intact());
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(want[i] - y[i]));
    REQUIRE(worst <= 1e-5 * largest);
  }
}

}  // namespace

TEST_CASE("weights in fewer bits agree with double precision on every instruction set") {
  const Activation kinds[] = {Activation::kIdentity, Activation::kRelu, Activation::kClip, Activation::kTanh};
  // Rows around every row block, odd and even inputs, channels that fill no panel, no block of panels, and several.
  const int64_t sizes[][4] = {{1, 1, 1, 1},   {1, 7, 5, 7},     {1, 64, 64, 32}, {2, 33, 40, 8},    {3, 65, 17, 64},   {4, 96, 130, 32}, {5, 31, 16, 2},
                              {7, 50, 70, 50}, {8, 128, 96, 64}, {9, 63, 33, 4},  {20, 129, 80, 128}, {57, 40, 150, 16}, {113, 24, 20, 6}, {1, 300, 200, 128}};
  uint32_t seed = 1;
  for (const auto& size : sizes)
    for (const StoredForm form : {StoredForm::kS8, StoredForm::kS4, StoredForm::kF16, StoredForm::kBF16}) {
      const Problem problem(size[0], size[1], size[2], form == StoredForm::kF16 || form == StoredForm::kBF16 ? size[1] : std::min(size[3], size[1]), form, ++seed);
      const Activation act = kinds[seed % 4];
      const bool residual = seed % 3 == 0;
      check(generic_kernels().stored_f32[0], "generic", problem, residual, act);
      for (const KernelTable* table : runnable_tables())
        for (const auto& kernel : table->stored_f32)
          if (kernel.run) check(kernel, table->isa, problem, residual, act);
    }
}

TEST_CASE("a stored weight becomes f32 panels in the order of the convolution's window") {
  // 2 input channels by 3 taps: input k = channel·3 + tap lies at row tap·2 + channel.
  const Problem p(1, 6, 17, 4, StoredForm::kS4, 9);
  std::vector<float> panels(2 * 6 * 16, -1);
  decode_panels(p.args(nullptr, false, Activation::kIdentity), 3, 1, panels.data());
  for (int64_t o = 0; o < 17; ++o)
    for (int64_t channel = 0; channel < 2; ++channel)
      for (int64_t tap = 0; tap < 3; ++tap)
        CHECK(panels[(o / 16 * 6 + tap * 2 + channel) * 16 + o % 16] == Approx(p.real[o * 6 + channel * 3 + tap]).margin(1e-7));
  CHECK(panels[6 * 16 + 1] == 0);  // a channel that is not there
}
