// conv, linear, matmul and attention against naive loops over unpacked weights, on every instruction set this machine takes
// (FASTC_CPU_ISA) and with one and two threads.
#include <algorithm>
#include <cmath>
#include <random>

#include "tests/catch.h"
#include "tests/runtime/artifact.h"

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

std::vector<float> reals(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(-1, 1);
  std::vector<float> v(count);
  for (float& x : v) x = draw(random);
  return v;
}
template <typename T>
std::vector<T> integers(size_t count, int low, int high, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<T> v(count);
  const auto first = static_cast<uint32_t>(low), range = static_cast<uint32_t>(high) - first + 1;  // of all ints, too
  for (T& x : v) x = static_cast<T>(static_cast<int32_t>(first + static_cast<uint32_t>(random()) % range));
  return v;
}

struct Case {
  int64_t n, h, w, c, oc, k, stride, pad, dil, groups;
  int64_t oh() const { return (h + 2 * pad - dil * (k - 1) - 1) / stride + 1; }
  int64_t ow() const { return (w + 2 * pad - dil * (k - 1) - 1) / stride + 1; }
  bool depthwise() const { return groups > 1 && groups == c && groups == oc; }
};

// [O][C/g][kh][kw] → the stored panels; `quad` is 1 for floats, 4 for bytes.
template <typename T>
std::vector<T> pack(const std::vector<T>& w, const Case& s, int64_t quad) {
  const int64_t cg = s.c / s.groups, og = s.oc / s.groups, taps = s.k * s.k, padded = (s.c + 15) / 16 * 16;
  if (s.depthwise()) {
    std::vector<T> packed(static_cast<size_t>(taps * padded), T{0});
    for (int64_t c = 0; c < s.c; ++c) for (int64_t t = 0; t < taps; ++t) packed[t * padded + c] = w[c * taps + t];
    return packed;
  }
  const int64_t k = taps * cg, steps = (k + quad - 1) / quad, panels = (og + 15) / 16;
  std::vector<T> packed(static_cast<size_t>(s.groups * panels * steps * 16 * quad), T{0});
  for (int64_t g = 0; g < s.groups; ++g)
    for (int64_t o = 0; o < og; ++o)
      for (int64_t t = 0; t < taps; ++t)
        for (int64_t c = 0; c < cg; ++c) {
          const int64_t at = t * cg + c, panel = g * panels + o / 16;
          packed[((panel * steps + at / quad) * 16 + o % 16) * quad + at % quad] = w[((g * og + o) * cg + c) * taps + t];
        }
  return packed;
}

// Σ over the window of f(input value or `outside`, weight), channels-last.
template <typename X, typename W, typename Sum>
std::vector<Sum> naive_conv(const std::vector<X>& x, const std::vector<W>& w, const Case& s, Sum outside) {
  std::vector<Sum> y;
  const int64_t cg = s.c / s.groups, og = s.oc / s.groups;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t oy = 0; oy < s.oh(); ++oy)
      for (int64_t ox = 0; ox < s.ow(); ++ox)
        for (int64_t o = 0; o < s.oc; ++o) {
          Sum sum = 0;
          for (int64_t c = 0; c < cg; ++c)
            for (int64_t ky = 0; ky < s.k; ++ky)
              for (int64_t kx = 0; kx < s.k; ++kx) {
                const int64_t iy = oy * s.stride - s.pad + ky * s.dil, ix = ox * s.stride - s.pad + kx * s.dil;
                const bool in = iy >= 0 && iy < s.h && ix >= 0 && ix < s.w;
                const Sum value = in ? static_cast<Sum>(x[((n * s.h + iy) * s.w + ix) * s.c + o / og * cg + c]) : outside;
                sum += value * static_cast<Sum>(w[((o * cg + c) * s.k + ky) * s.k + kx]);
              }
          y.push_back(sum);
        }
  return y;
}

ConvAttrs attributes(const Case& s) {
  ConvAttrs a{};
  for (int i = 0; i < 2; ++i) {
    a.kernel[i] = static_cast<int32_t>(s.k), a.stride[i] = static_cast<int32_t>(s.stride), a.dilation[i] = static_cast<int32_t>(s.dil);
    a.pad_begin[i] = a.pad_end[i] = static_cast<int32_t>(s.pad);
  }
  a.groups = static_cast<int32_t>(s.groups);
  a.qhi = 255;
  return a;
}

// Channels-last numbers as the caller gives and takes them: in logical order.
template <typename T>
std::vector<T> to_logical(const std::vector<T>& v, int64_t n, int64_t h, int64_t w, int64_t c) {
  std::vector<T> out(v.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t p = 0; p < h * w; ++p)
      for (int64_t j = 0; j < c; ++j) out[(i * c + j) * h * w + p] = v[(i * h * w + p) * c + j];
  return out;
}

const Case kCases[] = {
    {1, 5, 6, 3, 5, 3, 1, 1, 1, 1},  {2, 8, 8, 16, 16, 3, 1, 1, 1, 1}, {1, 9, 7, 8, 24, 3, 2, 1, 1, 1}, {2, 6, 6, 7, 33, 1, 1, 0, 1, 1},
    {1, 7, 7, 4, 8, 3, 1, 2, 2, 1},  {1, 6, 5, 12, 18, 3, 1, 1, 1, 3}, {2, 7, 6, 20, 20, 3, 1, 1, 1, 20}, {1, 8, 8, 17, 17, 5, 2, 2, 1, 17},
    {1, 5, 5, 6, 12, 3, 1, 1, 1, 6}, {1, 3, 3, 1, 1, 3, 1, 1, 1, 1},
};

double relative_error(const std::vector<float>& found, const std::vector<double>& expected) {
  double largest = 1e-30, worst = 0;
  for (double v : expected) largest = std::max(largest, std::fabs(v));
  for (size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, std::fabs(found[i] - expected[i]));
  return found.size() == expected.size() ? worst / largest : 1e30;
}

}  // namespace

TEST_CASE("conv_f32 is a sum of products, with bias, residual and relu", "[product]") {
  for (const Case& s : kCases) {
    Artifact a;
    const auto xs = reals(s.n * s.h * s.w * s.c, 1), ws = reals(s.oc * s.c / s.groups * s.k * s.k, 2), bias = reals(s.oc, 3);
    const auto residual = reals(s.n * s.oh() * s.ow() * s.oc, 4);
    const auto x = a.input("x", DType::kF32, {s.n, s.c, s.h, s.w}, Layout::kChannelsLast);
    const auto r = a.input("r", DType::kF32, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast);
    const auto w = a.constant<float>("w", {s.oc, s.c / s.groups, s.k, s.k}, pack(ws, s, 1), s.depthwise() ? Packing::kDepthwise16 : Packing::kPanel16);
    const auto b = a.constant<float>("b", {s.oc}, bias);
    const auto y = a.value("y", DType::kF32, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast);
    ConvAttrs attrs = attributes(s);
    attrs.activation = static_cast<uint32_t>(Activation::kRelu);
    a.op(Kernel::kConvF32, "conv", {x, w, b, r}, {y}, attrs);
    a.outputs = {y};
    const std::vector<Array> inputs = {Array::of(std::vector<int64_t>{s.n, s.c, s.h, s.w}, to_logical(xs, s.n, s.h, s.w, s.c)),
                                       Array::of(std::vector<int64_t>{s.n, s.oc, s.oh(), s.ow()}, to_logical(residual, s.n, s.oh(), s.ow(), s.oc))};
    std::vector<double> expected = naive_conv<float, float, double>(xs, ws, s, 0.0);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = std::max(0.0, expected[i] + bias[i % s.oc] + residual[i]);
    const Outcome one = run(a, inputs, 1), two = run(a, inputs, 2);
    REQUIRE(one.message == "");
    CHECK(relative_error(one.outputs[0].numbers<float>(), to_logical(expected, s.n, s.oh(), s.ow(), s.oc)) < 1e-5);
    CHECK(one.outputs[0].bytes == two.outputs[0].bytes);
  }
}

TEST_CASE("conv_s8 follows the integer contract bit for bit", "[product]") {
  for (const Case& s : kCases) {
    const int32_t zx = 7, zy = 130, zr = 100;
    const auto xs = integers<uint8_t>(s.n * s.h * s.w * s.c, 0, 255, 1), residual = integers<uint8_t>(s.n * s.oh() * s.ow() * s.oc, 0, 255, 4);
    const auto ws = integers<int8_t>(s.oc * s.c / s.groups * s.k * s.k, -127, 127, 2);
    const auto bias = integers<int32_t>(s.oc, -1000, 1000, 3);
    std::vector<float> m(s.oc);
    for (int64_t o = 0; o < s.oc; ++o) m[o] = 0.0007f + 0.0001f * static_cast<float>(o % 7);
    std::vector<int32_t> stored = bias;  // less zx·Σw, as the compiler stores it
    const int64_t per = s.c / s.groups * s.k * s.k;
    for (int64_t o = 0; o < s.oc; ++o) for (int64_t i = 0; i < per; ++i) stored[o] -= zx * ws[o * per + i];
    Artifact a;
    const auto x = a.input("x", DType::kU8, {s.n, s.c, s.h, s.w}, Layout::kChannelsLast, {0.1f, zx});
    const auto r = a.input("r", DType::kU8, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast, {0.2f, zr});
    const auto w = a.constant<int8_t>("w", {s.oc, s.c / s.groups, s.k, s.k}, pack(ws, s, 4), s.depthwise() ? Packing::kDepthwise16 : Packing::kPanel16x4);
    const auto b = a.constant<int32_t>("b", {s.oc}, stored);
    const auto scale = a.constant<float>("m", {s.oc}, m);
    const auto y = a.value("y", DType::kU8, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast, {0.3f, zy});
    const auto f = a.value("f", DType::kF32, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast);
    ConvAttrs attrs = attributes(s);
    attrs.qlo = 20, attrs.qhi = 240, attrs.residual_m = 0.37f, attrs.residual_zero_point = zr;
    a.op(Kernel::kConvS8, "conv", {x, w, b, scale, r}, {y}, attrs);
    a.op(Kernel::kConvS8, "conv_float", {x, w, b, scale}, {f}, attrs);
    a.outputs = {y, f};
    const std::vector<int32_t> acc = naive_conv<uint8_t, int8_t, int32_t>(xs, ws, s, zx);
    std::vector<uint8_t> expected(acc.size());
    std::vector<float> expected_float(acc.size());
    for (size_t i = 0; i < acc.size(); ++i) {
      const int64_t o = static_cast<int64_t>(i) % s.oc;
      expected_float[i] = static_cast<float>(acc[i] + stored[o]) * m[o];
      const float added = static_cast<float>(residual[i] - zr) * 0.37f;
      const float v = expected_float[i] + added;
      expected[i] = static_cast<uint8_t>(std::clamp<long>(zy + std::lrint(v), 20, 240));
    }
    const std::vector<Array> inputs = {Array::of(std::vector<int64_t>{s.n, s.c, s.h, s.w}, to_logical(xs, s.n, s.h, s.w, s.c)),
                                       Array::of(std::vector<int64_t>{s.n, s.oc, s.oh(), s.ow()}, to_logical(residual, s.n, s.oh(), s.ow(), s.oc))};
    const Outcome one = run(a, inputs, 1), two = run(a, inputs, 2);
    REQUIRE(one.message == "");
    CHECK(one.outputs[0].numbers<uint8_t>() == to_logical(expected, s.n, s.oh(), s.ow(), s.oc));
    CHECK(one.outputs[1].numbers<float>() == to_logical(expected_float, s.n, s.oh(), s.ow(), s.oc));
    CHECK(one.outputs[0].bytes == two.outputs[0].bytes);
  }
}

// [O][C/g][kh][kw] → [O][kh][kw][C/g]
template <typename W>
std::vector<W> rows_of(const std::vector<W>& w, const Case& s) {
  std::vector<W> rows(w.size());
  const int64_t cg = s.c / s.groups, taps = s.k * s.k;
  for (int64_t i = 0; i < static_cast<int64_t>(w.size()); ++i) rows[(i / (cg * taps) * taps + i % taps) * cg + i / taps % cg] = w[i];
  return rows;
}

template <typename W>
void check_s16(const Case& s, int most) {
  const auto xs = integers<int16_t>(s.n * s.h * s.w * s.c, -32767, 32767, 1), residual = integers<int16_t>(s.n * s.oh() * s.ow() * s.oc, -32767, 32767, 4);
  const auto ws = integers<W>(s.oc * s.c / s.groups * s.k * s.k, -most, most, 2);
  const auto bias = integers<int32_t>(s.oc, -2000000000, 2000000000, 3);
  std::vector<float> m(s.oc);
  for (int64_t o = 0; o < s.oc; ++o) m[o] = (0.0007f + 0.0001f * static_cast<float>(o % 7)) / static_cast<float>(most);
  Artifact a;
  const auto x = a.input("x", DType::kS16, {s.n, s.c, s.h, s.w}, Layout::kChannelsLast, {0.1f, 0});
  const auto r = a.input("r", DType::kS16, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast, {0.2f, 0});
  const auto w = a.constant<W>("w", {s.oc, s.c / s.groups * s.k * s.k}, rows_of(ws, s));
  const auto b = a.constant<int32_t>("b", {s.oc}, bias);
  const auto scale = a.constant<float>("m", {s.oc}, m);
  const auto y = a.value("y", DType::kS16, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast, {0.3f, 0});
  const auto f = a.value("f", DType::kF32, {s.n, s.oc, s.oh(), s.ow()}, Layout::kChannelsLast);
  ConvAttrs attrs = attributes(s);
  attrs.qlo = -20000, attrs.qhi = 32000, attrs.residual_m = 0.37f;
  a.op(Kernel::kConvS16, "conv", {x, w, b, scale, r}, {y}, attrs);
  a.op(Kernel::kConvS16, "conv_float", {x, w, b, scale}, {f}, attrs);
  a.outputs = {y, f};
  const std::vector<int64_t> acc = naive_conv<int16_t, W, int64_t>(xs, ws, s, 0);
  std::vector<int16_t> expected(acc.size());
  std::vector<float> expected_float(acc.size());
  for (size_t i = 0; i < acc.size(); ++i) {
    const int64_t o = static_cast<int64_t>(i) % s.oc;
    expected_float[i] = static_cast<float>(acc[i] + bias[o]) * m[o];
    const float added = static_cast<float>(residual[i]) * 0.37f;
    const float v = expected_float[i] + added;
    expected[i] = static_cast<int16_t>(std::clamp<long>(std::lrint(v), -20000, 32000));
  }
  const std::vector<Array> inputs = {Array::of(std::vector<int64_t>{s.n, s.c, s.h, s.w}, to_logical(xs, s.n, s.h, s.w, s.c)),
                                     Array::of(std::vector<int64_t>{s.n, s.oc, s.oh(), s.ow()}, to_logical(residual, s.n, s.oh(), s.ow(), s.oc))};
  const Outcome one = run(a, inputs, 1), two = run(a, inputs, 2);
  REQUIRE(one.message == "");
  CHECK(one.outputs[0].numbers<int16_t>() == to_logical(expected, s.n, s.oh(), s.ow(), s.oc));
  CHECK(one.outputs[1].numbers<float>() == to_logical(expected_float, s.n, s.oh(), s.ow(), s.oc));
  CHECK(one.outputs[0].bytes == two.outputs[0].bytes);
}

TEST_CASE("conv_s16 follows the integer contract bit for bit, its sums in 64 bits", "[product]") {
  for (const Case& s : kCases) {
    check_s16<int8_t>(s, 127);
    check_s16<int16_t>(s, 32767);
  }
  check_s16<int8_t>({1, 3, 3, 70, 5, 3, 1, 1, 1, 1}, 127);  // 630 products: more than one run of 32 bits
}

TEST_CASE("linear_s16 takes rows, and refuses a weight of another size", "[product]") {
  for (const int64_t k : {3, 4}) {
    Artifact a;
    const auto x = a.input("x", DType::kS16, {2, 3}, Layout::kPlain, {1, 0});
    const auto w = a.constant<int16_t>("w", {2, k}, std::vector<int16_t>(static_cast<size_t>(2 * k), 2));
    const auto b = a.constant<int32_t>("b", {2}, std::vector<int32_t>{1, -1}), y = a.value("y", DType::kS16, {2, 2}, Layout::kPlain, {1, 0});
    const auto m = a.constant<float>("m", {2}, std::vector<float>{1, 0.5f});
    a.op(Kernel::kLinearS16, "linear", {x, w, b, m}, {y}, LinearAttrs{0, 0, 0, -32767, 32767, 0, 0});
    a.outputs = {y};
    const Outcome outcome = run(a, {Array::of<int16_t>({2, 3}, {1, 2, 3, -32767, -32767, 0})});
    if (k == 3) CHECK(outcome.outputs.at(0).numbers<int16_t>() == std::vector<int16_t>{13, 6, -32767, -32767});  // 5.5 is a tie
    else CHECK(outcome.message.find("its weight \"w\" does not fit") != std::string::npos);
  }
}

TEST_CASE("a 1-D convolution is a 2-D one of height 1", "[product]") {
  Artifact a;  // x = 1 2 3 4, w = 1 10 100, pad 1: 0·1+1·10+2·100 …
  const auto x = a.input("x", DType::kF32, {1, 1, 4}, Layout::kChannelsLast);
  const Case s{1, 1, 4, 1, 1, 3, 1, 1, 1, 1};
  std::vector<float> packed(3 * 16, 0.0f);
  packed[0] = 1, packed[16] = 10, packed[32] = 100;
  const auto w = a.constant<float>("w", {1, 1, 1, 3}, packed, Packing::kPanel16);
  const auto y = a.value("y", DType::kF32, {1, 1, 4}, Layout::kChannelsLast);
  ConvAttrs attrs = attributes(s);
  attrs.kernel[0] = 1, attrs.pad_begin[0] = attrs.pad_end[0] = 0;
  a.op(Kernel::kConvF32, "conv", {x, w}, {y}, attrs);
  a.outputs = {y};
  const Outcome outcome = run(a, {Array::of<float>({1, 1, 4}, {1, 2, 3, 4})});
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].numbers<float>() == std::vector<float>{210, 321, 432, 43});
}

TEST_CASE("linear over the last axis, dynamic within one step of the float result", "[product]") {
  const Case s{6, 1, 1, 37, 21, 1, 1, 0, 1, 1};
  auto xs = reals(6 * 37, 1);
  for (size_t i = 0; i < 37; ++i) xs[i] *= 50;  // the first row has a range of its own
  std::vector<float> scales(21);
  for (size_t o = 0; o < 21; ++o) scales[o] = 0.002f + 0.0001f * static_cast<float>(o);
  const auto q = integers<int8_t>(21 * 37, -127, 127, 2);
  const auto bias = reals(21, 3);
  std::vector<float> ws(q.size());
  std::vector<int32_t> sums(21, 0);
  for (size_t i = 0; i < q.size(); ++i) ws[i] = static_cast<float>(q[i]) * scales[i / 37], sums[i / 37] += q[i];
  std::vector<double> expected = naive_conv<float, float, double>(xs, ws, s, 0.0);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += bias[i % 21];

  Artifact a;
  const auto x = a.input("x", DType::kF32, {2, 3, 37});
  const auto wf = a.constant<float>("wf", {21, 37}, pack(ws, s, 1), Packing::kPanel16);
  const auto wq = a.constant<int8_t>("wq", {21, 37}, pack(q, s, 4), Packing::kPanel16x4);
  const auto b = a.constant<float>("b", {21}, bias), scale = a.constant<float>("s", {21}, scales), sum = a.constant<int32_t>("sum", {21}, sums);
  const auto y = a.value("y", DType::kF32, {2, 3, 21}), row = a.value("row", DType::kF32, {2, 3, 21}), whole = a.value("whole", DType::kF32, {2, 3, 21});
  a.op(Kernel::kLinearF32, "float", {x, wf, b}, {y}, LinearAttrs{0, 0, 0, 0, 255, 0, 0});
  a.op(Kernel::kLinearDynamic, "row", {x, wq, scale, sum, b}, {row}, DynamicAttrs{0, 0, 0, 1});
  a.op(Kernel::kLinearDynamic, "whole", {x, wq, scale, sum, b}, {whole}, DynamicAttrs{0, 0, 0, 0});
  a.outputs = {y, row, whole};
  const std::vector<Array> inputs = {Array::of<float>({2, 3, 37}, xs)};
  const Outcome outcome = run(a, inputs), two = run(a, inputs, 2);
  REQUIRE(outcome.message == "");
  CHECK(relative_error(outcome.outputs[0].numbers<float>(), expected) < 1e-6);
  for (size_t i = 0; i < 3; ++i) CHECK(outcome.outputs[i].bytes == two.outputs[i].bytes);
  // A row's error is at most half its step for each input, times the weight: bound it by the row's own range.
  const auto rows = outcome.outputs[1].numbers<float>(), all = outcome.outputs[2].numbers<float>();
  double small_row_error = 0, small_all_error = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double step = i < 21 ? 100.0 / 255 : 2.0 / 255;
    double weight = 0;
    for (size_t k = 0; k < 37; ++k) weight += std::fabs(ws[i % 21 * 37 + k]);
    CHECK(std::fabs(rows[i] - expected[i]) <= 0.51 * step * weight);
    CHECK(std::fabs(all[i] - expected[i]) <= 0.51 * 100.0 / 255 * weight);
    if (i >= 21) small_row_error += std::fabs(rows[i] - expected[i]), small_all_error += std::fabs(all[i] - expected[i]);
  }
  CHECK(small_row_error * 5 < small_all_error);  // that is what ranges by row are for
}

TEST_CASE("conv_dynamic is a quantized convolution", "[product]") {
  const Case s{2, 6, 5, 8, 10, 3, 1, 1, 1, 1};
  auto xs = reals(s.n * s.h * s.w * s.c, 1);
  for (float& v : xs) v += 2.5f;  // a zero point far from 128, and padding that is not the middle
  const auto q = integers<int8_t>(10 * 8 * 9, -127, 127, 2);
  std::vector<float> ws(q.size()), scales(10, 0.01f);
  std::vector<int32_t> sums(10, 0);
  for (size_t i = 0; i < q.size(); ++i) ws[i] = static_cast<float>(q[i]) * 0.01f, sums[i / 72] += q[i];
  Artifact a;
  const auto x = a.input("x", DType::kF32, {2, 8, 6, 5}, Layout::kChannelsLast);
  const auto w = a.constant<int8_t>("w", {10, 8, 3, 3}, pack(q, s, 4), Packing::kPanel16x4);
  const auto scale = a.constant<float>("s", {10}, scales), sum = a.constant<int32_t>("sum", {10}, sums);
  const auto y = a.value("y", DType::kF32, {2, 10, 6, 5}, Layout::kChannelsLast);
  a.op(Kernel::kConvDynamic, "conv", {x, w, scale, sum}, {y}, attributes(s));
  a.outputs = {y};
  const std::vector<Array> inputs = {Array::of<float>({2, 8, 6, 5}, to_logical(xs, 2, 6, 5, 8))};
  const Outcome outcome = run(a, inputs), two = run(a, inputs, 2);
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].bytes == two.outputs[0].bytes);
  CHECK(relative_error(outcome.outputs[0].numbers<float>(), to_logical(naive_conv<float, float, double>(xs, ws, s, 0.0), 2, 6, 5, 10)) < 0.02);
}

TEST_CASE("conv_transpose is the gradient of a convolution", "[product]") {
  Artifact a;  // stride 2, kernel 2: every input stamps the kernel on its own 2×2 block
  const auto x = a.input("x", DType::kF32, {1, 1, 2, 2}, Layout::kChannelsLast);
  const auto w = a.constant<float>("w", {1, 1, 2, 2}, {1, 2, 3, 4}), b = a.constant<float>("b", {1}, {0.5f});
  const auto y = a.value("y", DType::kF32, {1, 1, 4, 4}, Layout::kChannelsLast);
  a.op(Kernel::kConvTransposeF32, "up", {x, w, b}, {y}, attributes({1, 2, 2, 1, 1, 2, 2, 0, 1, 1}));
  a.outputs = {y};
  const Outcome outcome = run(a, {Array::of<float>({1, 1, 2, 2}, {1, 10, 100, 1000})});
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].numbers<float>() == std::vector<float>{1.5f, 2.5f, 10.5f, 20.5f, 3.5f, 4.5f, 30.5f, 40.5f, 100.5f, 200.5f, 1000.5f, 2000.5f, 300.5f, 400.5f, 3000.5f, 4000.5f});
}

TEST_CASE("matmul broadcasts its batch axes", "[product]") {
  const auto as = reals(2 * 1 * 3 * 4, 1), bs = reals(1 * 5 * 4 * 6, 2);
  for (const bool transposed : {false, true}) {
    Artifact a;
    const auto x = a.input("a", DType::kF32, {2, 1, 3, 4});
    const auto z = transposed ? a.input("b", DType::kF32, {5, 6, 4}) : a.input("b", DType::kF32, {5, 4, 6});
    const auto y = a.value("y", DType::kF32, {2, 5, 3, 6});
    a.op(Kernel::kMatmulF32, "mm", {x, z}, {y}, MatmulAttrs{0, transposed});
    a.outputs = {y};
    std::vector<double> expected;
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 5; ++j)
        for (int m = 0; m < 3; ++m)
          for (int n = 0; n < 6; ++n) {
            double sum = 0;
            for (int k = 0; k < 4; ++k) sum += static_cast<double>(as[(i * 3 + m) * 4 + k]) * bs[transposed ? (j * 6 + n) * 4 + k : (j * 4 + k) * 6 + n];
            expected.push_back(sum);
          }
    const Outcome outcome = run(a, {Array::of<float>({2, 1, 3, 4}, as), Array::of<float>(transposed ? std::vector<int64_t>{5, 6, 4} : std::vector<int64_t>{5, 4, 6}, bs)}, 2);
    REQUIRE(outcome.message == "");
    CHECK(relative_error(outcome.outputs[0].numbers<float>(), expected) < 1e-6);
  }
}

TEST_CASE("attention: causal, masked, grouped", "[product]") {
  const int64_t b = 2, h = 4, kv = 2, l = 5, d = 3;
  const auto qs = reals(b * h * l * d, 1), ks = reals(b * kv * l * d, 2), vs = reals(b * kv * l * d, 3);
  std::vector<uint8_t> mask(static_cast<size_t>(b * l), 1);
  mask[3] = 0, mask[l] = 0;  // the second item's first query then sees nothing under the causal rule
  Artifact a;
  const auto q = a.input("q", DType::kF32, {b, h, l, d}), k = a.input("k", DType::kF32, {b, kv, l, d}), v = a.input("v", DType::kF32, {b, kv, l, d});
  const auto m = a.input("m", DType::kBool, {b, 1, 1, l});
  const auto y = a.value("y", DType::kF32, {b, h, l, d});
  a.op(Kernel::kAttention, "attn", {q, k, v, m}, {y}, AttentionAttrs{1, 0.7f, 2, 0});
  a.outputs = {y};
  std::vector<double> expected;
  for (int64_t i = 0; i < b * h * l; ++i) {
    const int64_t item = i / (h * l), head = i / l % h, row = i % l, from = (item * kv + head / 2) * l;
    double total = 0;
    std::vector<double> sum(d, 0.0);
    for (int64_t j = 0; j <= row; ++j) {
      if (!mask[item * l + j]) continue;
      double score = 0;
      for (int64_t c = 0; c < d; ++c) score += static_cast<double>(qs[i * d + c]) * ks[(from + j) * d + c];
      const double p = std::exp(score * 0.7);
      total += p;
      for (int64_t c = 0; c < d; ++c) sum[c] += p * vs[(from + j) * d + c];
    }
    for (int64_t c = 0; c < d; ++c) expected.push_back(total > 0 ? sum[c] / total : 0.0);
  }
  Array mask_array = Array::of<uint8_t>({b, 1, 1, l}, mask);
  mask_array.dtype = FASTC_RT_BOOL;
  const Outcome outcome = run(a, {Array::of<float>({b, h, l, d}, qs), Array::of<float>({b, kv, l, d}, ks), Array::of<float>({b, kv, l, d}, vs), mask_array}, 2);
  REQUIRE(outcome.message == "");
  CHECK(relative_error(outcome.outputs[0].numbers<float>(), expected) < 1e-6);
}

TEST_CASE("products whose operands do not fit are refused by name", "[product][malformed]") {
  const auto refuse = [](const char* message, auto change) {
    Artifact a;
    const Case s{1, 4, 4, 4, 8, 3, 1, 1, 1, 1};
    const auto x = a.input("x", DType::kF32, {1, 4, 4, 4}, Layout::kChannelsLast);
    const auto w = a.constant<float>("w", {8, 4, 3, 3}, pack(reals(8 * 36, 1), s, 1), Packing::kPanel16);
    const auto b = a.constant<float>("b", {8}, reals(8, 2));
    const auto y = a.value("y", DType::kF32, {1, 8, 4, 4}, Layout::kChannelsLast);
    ConvAttrs attrs = attributes(s);
    change(a, attrs);
    a.op(Kernel::kConvF32, "layer1.conv", {x, w, b}, {y}, attrs);
    a.outputs = {y};
    const Outcome outcome = run(a, {Array::of<float>({1, 4, 4, 4}, reals(64, 3))});
    INFO("expected: " << message << ", found: " << outcome.message);
    CHECK(outcome.status != FASTC_RT_OK);
    CHECK(outcome.message.find(message) != std::string::npos);
    CHECK(outcome.message.find("layer1.conv") != std::string::npos);
  };
  refuse("a stride is 0", [](Artifact&, ConvAttrs& c) { c.stride[0] = 0; });
  refuse("a window's size is -1", [](Artifact&, ConvAttrs& c) { c.kernel[1] = -1; });
  refuse("expected 1 x 5 x 4", [](Artifact&, ConvAttrs& c) { c.pad_end[0] = 2; });
  refuse("groups do not divide", [](Artifact&, ConvAttrs& c) { c.groups = 3; });
  refuse("bytes, expected", [](Artifact& a, ConvAttrs&) { a.constants[0].bytes -= 64; });
  refuse("not a constant in packing", [](Artifact& a, ConvAttrs&) { a.constants[0].packing = static_cast<uint8_t>(Packing::kDepthwise16); });
  refuse("bias", [](Artifact& a, ConvAttrs&) { a.dims[a.values[2].first_dim].value = 7; });
  refuse("its activation is 99", [](Artifact&, ConvAttrs& c) { c.activation = 99; });
}
