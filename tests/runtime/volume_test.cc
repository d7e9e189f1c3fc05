// Convolution and pooling over three axes: numbers to check by hand, then every way frames are joined into images against naive loops (format.h: DepthAttrs).
#include <algorithm>
#include <cmath>
#include <random>

#include "tests/catch.h"
#include "tests/runtime/artifact.h"

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

constexpr Layout kLast = Layout::kChannelsLast;
using Shape = std::vector<int64_t>;
using Floats = std::vector<float>;

template <typename Attrs>
struct WithDepth {
  Attrs own;
  DepthAttrs depth;
};

// Sizes of T, H and W, in that order.
struct Case {
  int64_t n, c, oc, groups;
  int64_t in[3], kernel[3], stride[3], begin[3], end[3], dilation[3];
  FrameJoin join = FrameJoin::kChannels;

  int64_t out(int i) const { return (in[i] + begin[i] + end[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1; }
  int64_t cg() const { return c / groups; }
  int64_t og() const { return oc / groups; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t pixels_in() const { return in[0] * in[1] * in[2]; }
  int64_t pixels_out() const { return out(0) * out(1) * out(2); }
  bool depthwise() const { return groups > 1 && groups == c && groups == oc && (join == FrameJoin::kRows || kernel[0] == 1); }
  Shape x_shape() const { return {n, c, in[0], in[1], in[2]}; }
  Shape y_shape() const { return {n, oc, out(0), out(1), out(2)}; }
  Shape w_shape() const { return {oc, cg(), kernel[0], kernel[1], kernel[2]}; }
};

const Case kCases[] = {
    {2, 5, 7, 1, {4, 5, 6}, {1, 3, 3}, {1, 1, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}},                      // frame by frame
    {2, 5, 19, 1, {6, 3, 4}, {3, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}},                     // pixel by pixel
    {1, 16, 16, 1, {4, 8, 8}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},                    // frames as channels
    {2, 3, 18, 1, {5, 6, 5}, {2, 3, 2}, {2, 2, 1}, {1, 1, 0}, {0, 2, 1}, {1, 1, 2}},                     // both ends and all axes differ
    {1, 12, 18, 3, {5, 6, 5}, {3, 3, 3}, {1, 1, 1}, {2, 1, 1}, {2, 1, 1}, {2, 1, 1}},                    // groups, dilation over time
    {2, 4, 6, 1, {5, 4, 4}, {1, 1, 1}, {2, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}},                      // every second frame
    {1, 20, 20, 20, {4, 6, 7}, {3, 3, 3}, {1, 2, 2}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, FrameJoin::kRows},  // depthwise, frames as rows
    {2, 17, 17, 17, {5, 3, 4}, {5, 1, 1}, {1, 1, 1}, {2, 0, 0}, {2, 0, 0}, {1, 1, 1}, FrameJoin::kRows},  // depthwise, pixel by pixel
    {1, 6, 6, 6, {3, 7, 7}, {3, 3, 3}, {1, 1, 1}, {1, 2, 2}, {1, 2, 2}, {1, 2, 2}},                      // depthwise, dilated: as groups
};

template <typename T>
std::vector<T> drawn(int64_t count, int low, int high, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<T> v(static_cast<size_t>(count));
  for (T& x : v) x = static_cast<T>(low + static_cast<int>(random() % static_cast<uint32_t>(high - low + 1)));
  return v;
}
Floats reals(int64_t count, uint32_t seed) {
  Floats v(static_cast<size_t>(count));
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(-1, 1);
  for (float& x : v) x = draw(random);
  return v;
}

// Where weight (c, z, y, x) of a group stands in its sum.
int64_t place(const Case& s, int64_t c, int64_t z, int64_t y, int64_t x) {
  if (s.join == FrameJoin::kRows) return ((y * s.kernel[0] + z) * s.kernel[2] + x) * s.cg() + c;
  return ((y * s.kernel[2] + x) * s.kernel[0] + z) * s.cg() + c;
}

// Calls f(o, c, z, y, x, index) for each weight.
template <typename F>
void each_weight(const Case& s, const F& f) {
  int64_t i = 0;
  for (int64_t o = 0; o < s.oc; ++o)
    for (int64_t c = 0; c < s.cg(); ++c)
      for (int64_t z = 0; z < s.kernel[0]; ++z)
        for (int64_t y = 0; y < s.kernel[1]; ++y)
          for (int64_t x = 0; x < s.kernel[2]; ++x) f(o, c, z, y, x, i++);
}

// `quad`: 1 for floats, 4 for bytes.
template <typename T>
std::vector<T> packed(const Case& s, const std::vector<T>& w, int64_t quad) {
  const int64_t k = s.cg() * s.taps(), steps = (k + quad - 1) / quad, panels = (s.og() + 15) / 16, wide = (s.c + 15) / 16 * 16;
  std::vector<T> out(static_cast<size_t>(s.depthwise() ? s.taps() * wide : s.groups * panels * steps * 16 * quad), T{0});
  each_weight(s, [&](int64_t o, int64_t c, int64_t z, int64_t y, int64_t x, int64_t i) {
    const int64_t at = place(s, c, z, y, x), panel = o / s.og() * panels + o % s.og() / 16;
    out[s.depthwise() ? at * wide + o : ((panel * steps + at / quad) * 16 + o % s.og() % 16) * quad + at % quad] = w[i];
  });
  return out;
}

// In logical order, as inputs and outputs are.
template <typename Sum, typename X, typename W>
std::vector<Sum> naive(const Case& s, const std::vector<X>& x, const std::vector<W>& w, Sum outside) {
  std::vector<Sum> y(static_cast<size_t>(s.n * s.oc * s.pixels_out()), Sum{0});
  int64_t at = 0;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t o = 0; o < s.oc; ++o)
      for (int64_t p = 0; p < s.pixels_out(); ++p, ++at) {
        const int64_t place[3] = {p / (s.out(1) * s.out(2)), p / s.out(2) % s.out(1), p % s.out(2)};
        for (int64_t i = 0; i < s.cg() * s.taps(); ++i) {
          const int64_t tap[3] = {i / (s.kernel[1] * s.kernel[2]) % s.kernel[0], i / s.kernel[2] % s.kernel[1], i % s.kernel[2]};
          int64_t from = n * s.c + o / s.og() * s.cg() + i / s.taps();
          bool inside = true;
          for (int a = 0; a < 3; ++a) {
            const int64_t q = place[a] * s.stride[a] - s.begin[a] + tap[a] * s.dilation[a];
            inside = inside && q >= 0 && q < s.in[a];
            from = from * s.in[a] + q;
          }
          y[at] += (inside ? static_cast<Sum>(x[from]) : outside) * static_cast<Sum>(w[o * s.cg() * s.taps() + i]);
        }
      }
  return y;
}

WithDepth<ConvAttrs> attributes(const Case& s) {
  WithDepth<ConvAttrs> a{};
  const auto number = [](int64_t v) { return static_cast<int32_t>(v); };
  for (int i = 0; i < 2; ++i) {
    a.own.kernel[i] = number(s.kernel[i + 1]), a.own.stride[i] = number(s.stride[i + 1]), a.own.dilation[i] = number(s.dilation[i + 1]);
    a.own.pad_begin[i] = number(s.begin[i + 1]), a.own.pad_end[i] = number(s.end[i + 1]);
  }
  a.own.groups = number(s.groups), a.own.qhi = 255;
  a.depth = {number(s.kernel[0]), number(s.stride[0]), number(s.begin[0]), number(s.end[0]), number(s.dilation[0]), static_cast<int32_t>(s.join)};
  return a;
}

double relative_error(const Floats& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double largest = 1e-30, worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) largest = std::max(largest, std::fabs(expected[i])), worst = std::max(worst, std::fabs(found[i] - expected[i]));
  return worst / largest;
}

// One and two threads give the same bytes.
std::vector<Array> outputs_of(const Artifact& a, const std::vector<Array>& inputs) {
  const Outcome one = run(a, inputs, 1), two = run(a, inputs, 2);
  REQUIRE(one.message == "");
  for (size_t i = 0; i < one.outputs.size(); ++i) CHECK(one.outputs[i].bytes == two.outputs[i].bytes);
  return one.outputs;
}

template <typename T, typename Attrs>
std::vector<T> pooled(Kernel kernel, const Attrs& attrs, const Shape& x_shape, const std::vector<T>& x, const Shape& y_shape, Quant qx = {}, Quant qy = {}) {
  Artifact a;
  const auto in = a.input("x", dtype_of<T>(), x_shape, kLast, qx), out = a.value("y", dtype_of<T>(), y_shape, kLast, qy);
  a.op(kernel, "pool", {in}, {out}, attrs);
  a.outputs = {out};
  return outputs_of(a, {Array::of<T>(x_shape, x)})[0].template numbers<T>();
}

}  // namespace

TEST_CASE("a sum over two frames, in floats and in integers") {
  const Case s{1, 1, 1, 1, {3, 1, 2}, {2, 1, 2}, {1, 1, 1}, {1, 0, 0}, {0, 0, 0}, {1, 1, 1}};
  const Floats w = {1, 10, 100, 1000};  // frame before, frame
  Artifact a;
  const auto x = a.input("x", DType::kF32, s.x_shape(), kLast), y = a.value("y", DType::kF32, s.y_shape(), kLast);
  a.op(Kernel::kConvF32, "conv", {x, a.constant<float>("w", s.w_shape(), packed(s, w, 1), Packing::kPanel16)}, {y}, attributes(s));
  a.outputs = {y};
  CHECK(outputs_of(a, {Array::of<float>(s.x_shape(), {1, 2, 3, 4, 5, 6})})[0].numbers<float>() == Floats{2100, 4321, 6543});

  Artifact q;  // zero point 7: what lies before the first frame is 7, a 0
  const auto xq = q.input("x", DType::kU8, s.x_shape(), kLast, {1, 7}), yq = q.value("y", DType::kU8, s.y_shape(), kLast, {1, 0});
  const auto wq = q.constant<int8_t>("w", s.w_shape(), packed<int8_t>(s, {1, 2, 3, 4}, 4), Packing::kPanel16x4);
  q.op(Kernel::kConvS8, "conv", {xq, wq, q.constant<int32_t>("b", {1}, {-70}), q.constant<float>("m", {1}, {1})}, {yq}, attributes(s));
  q.outputs = {yq};
  CHECK(outputs_of(q, {Array::of<uint8_t>(s.x_shape(), {8, 9, 10, 11, 12, 13})})[0].numbers<uint8_t>() == std::vector<uint8_t>{11, 30, 50});
}

TEST_CASE("conv_f32 over three axes, and under weights of 16 and 8 bits") {
  for (const Case& s : kCases) {
    const Floats xs = reals(s.n * s.c * s.pixels_in(), 1), ws = reals(s.oc * s.cg() * s.taps(), 2), bias = reals(s.oc, 3), rs = reals(s.n * s.oc * s.pixels_out(), 4);
    Artifact a;
    const auto x = a.input("x", DType::kF32, s.x_shape(), kLast), r = a.input("r", DType::kF32, s.y_shape(), kLast), y = a.value("y", DType::kF32, s.y_shape(), kLast);
    const auto w = a.constant<float>("w", s.w_shape(), packed(s, ws, 1), s.depthwise() ? Packing::kDepthwise16 : Packing::kPanel16), b = a.constant<float>("b", {s.oc}, bias);
    auto attrs = attributes(s);
    attrs.own.activation = static_cast<uint32_t>(Activation::kRelu);
    a.op(Kernel::kConvF32, "conv", {x, w, b, r}, {y}, attrs);
    a.outputs = {y};
    std::vector<double> expected = naive<double>(s, xs, ws, 0.0);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = std::max(0.0, expected[i] + bias[i / s.pixels_out() % s.oc] + rs[i]);
    CHECK(relative_error(outputs_of(a, {Array::of(s.x_shape(), xs), Array::of(s.y_shape(), rs)})[0].numbers<float>(), expected) < 1e-5);
  }
}

TEST_CASE("conv_s8 over three axes follows the integer contract bit for bit") {
  const int32_t zx = 7, zy = 130, zr = 100;
  for (const Case& s : kCases) {
    const auto xs = drawn<uint8_t>(s.n * s.c * s.pixels_in(), 0, 255, 1), rs = drawn<uint8_t>(s.n * s.oc * s.pixels_out(), 0, 255, 4);
    const auto ws = drawn<int8_t>(s.oc * s.cg() * s.taps(), -127, 127, 2);
    auto stored = drawn<int32_t>(s.oc, -1000, 1000, 3);
    each_weight(s, [&](int64_t o, int64_t, int64_t, int64_t, int64_t, int64_t i) { stored[o] -= zx * ws[i]; });
    Floats m(static_cast<size_t>(s.oc));
    for (int64_t o = 0; o < s.oc; ++o) m[o] = 0.0003f + 0.0001f * static_cast<float>(o % 7);
    Artifact a;
    const auto x = a.input("x", DType::kU8, s.x_shape(), kLast, {0.1f, zx}), r = a.input("r", DType::kU8, s.y_shape(), kLast, {0.2f, zr});
    const auto y = a.value("y", DType::kU8, s.y_shape(), kLast, {0.3f, zy});
    const auto w = a.constant<int8_t>("w", s.w_shape(), packed(s, ws, 4), s.depthwise() ? Packing::kDepthwise16 : Packing::kPanel16x4);
    auto attrs = attributes(s);
    attrs.own.qlo = 20, attrs.own.qhi = 240, attrs.own.residual_m = 0.37f, attrs.own.residual_zero_point = zr;
    a.op(Kernel::kConvS8, "conv", {x, w, a.constant<int32_t>("b", {s.oc}, stored), a.constant<float>("m", {s.oc}, m), r}, {y}, attrs);
    a.outputs = {y};
    const auto acc = naive<int32_t>(s, xs, ws, zx);
    std::vector<uint8_t> expected(acc.size());
    for (size_t i = 0; i < acc.size(); ++i) {
      const int64_t o = static_cast<int64_t>(i) / s.pixels_out() % s.oc;
      const float v = static_cast<float>(acc[i] + stored[o]) * m[o], added = static_cast<float>(rs[i] - zr) * 0.37f, sum = v + added;
      expected[i] = static_cast<uint8_t>(std::clamp<long>(zy + std::lrint(sum), 20, 240));
    }
    CHECK(outputs_of(a, {Array::of(s.x_shape(), xs), Array::of(s.y_shape(), rs)})[0].numbers<uint8_t>() == expected);
  }
}

TEST_CASE("conv_dynamic over three axes takes its range over all frames, also those no window reads") {
  for (const Case& s : kCases) {
    Floats xs = reals(s.n * s.c * s.pixels_in(), 1);
    xs.back() = 5, xs[0] = -3;
    const auto ws = drawn<int8_t>(s.oc * s.cg() * s.taps(), -127, 127, 2);
    std::vector<int32_t> sums(static_cast<size_t>(s.oc), 0);
    each_weight(s, [&](int64_t o, int64_t, int64_t, int64_t, int64_t, int64_t i) { sums[o] += ws[i]; });
    Artifact a;
    const auto x = a.input("x", DType::kF32, s.x_shape(), kLast), y = a.value("y", DType::kF32, s.y_shape(), kLast);
    const auto w = a.constant<int8_t>("w", s.w_shape(), packed(s, ws, 4), s.depthwise() ? Packing::kDepthwise16 : Packing::kPanel16x4);
    a.op(Kernel::kConvDynamic, "conv", {x, w, a.constant<float>("s", {s.oc}, Floats(static_cast<size_t>(s.oc), 0.01f)), a.constant<int32_t>("sum", {s.oc}, sums)}, {y}, attributes(s));
    a.outputs = {y};
    // The range is −3 … 5, cut into 255 steps: 0 is step 96.
    const float inverse = 255.0f / 8.0f;
    std::vector<int> q(xs.size());
    for (size_t i = 0; i < xs.size(); ++i) q[i] = static_cast<int>(std::clamp<long>(std::lrint(xs[i] * inverse) + 96, 0, 255)) - 96;
    const auto acc = naive<double>(s, q, ws, 0.0);
    std::vector<double> expected(acc.size());
    for (size_t i = 0; i < acc.size(); ++i) expected[i] = acc[i] * 0.01 * 8 / 255;
    CHECK(relative_error(outputs_of(a, {Array::of(s.x_shape(), xs)})[0].numbers<float>(), expected) < 2e-3);
  }
}

TEST_CASE("conv_s16 over three axes") {
  for (const Case& s : kCases) {
    const auto xs = drawn<int16_t>(s.n * s.c * s.pixels_in(), -32767, 32767, 1);
    const auto ws = drawn<int8_t>(s.oc * s.cg() * s.taps(), -127, 127, 2);
    std::vector<int8_t> rows(ws.size());
    each_weight(s, [&](int64_t o, int64_t c, int64_t z, int64_t y, int64_t x, int64_t i) { rows[o * s.cg() * s.taps() + place(s, c, z, y, x)] = ws[i]; });
    Artifact a;
    const auto x = a.input("x", DType::kS16, s.x_shape(), kLast, {0.1f, 0}), y = a.value("y", DType::kS16, s.y_shape(), kLast, {0.3f, 0});
    auto attrs = attributes(s);
    attrs.own.qlo = -32767, attrs.own.qhi = 32767;
    const std::vector<int32_t> bias(static_cast<size_t>(s.oc), 1000);
    a.op(Kernel::kConvS16, "conv", {x, a.constant<int8_t>("w", {s.oc, s.cg() * s.taps()}, rows), a.constant<int32_t>("b", {s.oc}, bias), a.constant<float>("m", {s.oc}, Floats(bias.size(), 0.001f))}, {y}, attrs);
    a.outputs = {y};
    const auto acc = naive<int64_t>(s, xs, ws, int64_t{0});
    std::vector<int16_t> expected(acc.size());
    for (size_t i = 0; i < acc.size(); ++i) expected[i] = static_cast<int16_t>(std::clamp<long>(std::lrint(static_cast<float>(acc[i] + 1000) * 0.001f), -32767, 32767));
    CHECK(outputs_of(a, {Array::of(s.x_shape(), xs)})[0].numbers<int16_t>() == expected);
  }
}

TEST_CASE("conv_stored over three axes: inputs that share a scale lie as in the network's file") {
  for (const Case& s : kCases) {
    if (s.groups == s.c && s.groups > 1) continue;  // depthwise weights are kept in f32
    const int64_t k = s.cg() * s.taps(), panels = s.groups * ((s.og() + 15) / 16), group = 2, scales_per = (k + group - 1) / group;
    const Floats xs = reals(s.n * s.c * s.pixels_in(), 1);
    const auto q = drawn<int8_t>(s.oc * k, -127, 127, 2);
    std::vector<int8_t> stored(static_cast<size_t>(panels * k * 16), 0);
    Floats scales(static_cast<size_t>(panels * scales_per * 16), 0), ws(q.size());
    each_weight(s, [&](int64_t o, int64_t, int64_t, int64_t, int64_t, int64_t i) {
      const int64_t panel = o / s.og() * (panels / s.groups) + o % s.og() / 16, lane = o % s.og() % 16, at = i % k;
      const float scale = 0.01f + 0.001f * static_cast<float>(at / group);
      stored[(panel * k + at) * 16 + lane] = q[i], scales[(panel * scales_per + at / group) * 16 + lane] = scale, ws[i] = scale * q[i];
    });
    Artifact a;
    const auto x = a.input("x", DType::kF32, s.x_shape(), kLast), y = a.value("y", DType::kF32, s.y_shape(), kLast);
    struct { ConvStoredAttrs own; DepthAttrs depth; } attrs{{attributes(s).own, static_cast<int32_t>(group)}, attributes(s).depth};
    a.op(Kernel::kConvStored, "conv", {x, a.constant<int8_t>("w", s.w_shape(), stored, Packing::kPanel16), a.constant<float>("s", {static_cast<int64_t>(scales.size())}, scales)}, {y}, attrs);
    a.outputs = {y};
    CHECK(relative_error(outputs_of(a, {Array::of(s.x_shape(), xs)})[0].numbers<float>(), naive<double>(s, xs, ws, 0.0)) < 1e-5);
  }
}

TEST_CASE("conv_sparse over three axes is for one tap") {
  const auto y_of = [](int32_t stride) {
    Artifact a;
    const auto x = a.input("x", DType::kF32, {1, 3, 2, 1, 2}, kLast), y = a.value("y", DType::kF32, {1, 2, stride == 1 ? 2 : 1, 1, 2}, kLast);
    Floats values(2 * 16, 0);
    values[0] = 2, values[16 + 1] = 3;  // y0 = 2·x0, y1 = 3·x2
    const auto v = a.constant<float>("v", {2, 16}, values);
    const auto i = a.constant<int32_t>("i", {2}, std::vector<int32_t>{0, 2}), starts = a.constant<int32_t>("s", {2}, std::vector<int32_t>{0, 2});
    WithDepth<ConvAttrs> attrs{{{1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {0, 0}, 1, 0, 0, 0, 0, 255, 0, 0}, {1, stride, 0, 0, 1, 0}};
    a.op(Kernel::kConvSparse, "conv", {x, v, i, starts}, {y}, attrs);
    a.outputs = {y};
    return run(a, {Array::of<float>({1, 3, 2, 1, 2}, {1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8})});
  };
  CHECK(y_of(1).outputs.at(0).numbers<float>() == Floats{2, 4, 6, 8, 15, 18, 21, 24});
  CHECK(y_of(2).message.find("needs a 1x1 convolution of stride 1") != std::string::npos);
}

TEST_CASE("pooling windows over three axes are PyTorch's") {
  const WithDepth<PoolAttrs> two{{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, 0, 0}, {2, 2, 0, 0, 1, 0}};
  const Shape x{1, 1, 2, 2, 2}, one{1, 1, 1, 1, 1};
  CHECK(pooled<float>(Kernel::kMaxPool, two, x, {1, 2, 3, 9, 5, 6, 7, 8}, one) == Floats{9});
  CHECK(pooled<float>(Kernel::kAvgPool, two, x, {1, 2, 3, 4, 5, 6, 7, 12}, one) == Floats{5});
  CHECK(pooled<float>(Kernel::kAdaptiveAvgPool, WithDepth<PoolAttrs>{{{1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 0, 0}, {2, 1, 0, 0, 1, 0}}, x, {1, 2, 3, 4, 5, 6, 7, 12}, {1, 1, 2, 1, 1}) == Floats{2.5f, 7.5f});
  // (Σ − 8·10)·0.5/(0.25·8) = 3.5 → 4, plus 20
  CHECK(pooled<uint8_t>(Kernel::kAvgPool, two, x, {10, 11, 12, 13, 10, 10, 14, 14}, one, {0.5f, 10}, {0.25f, 20}) == std::vector<uint8_t>{24});
  CHECK(pooled<int16_t>(Kernel::kMaxPool, two, x, {-9, -8, -7, -6, -5, -4, -3, -2}, one, {1, 0}, {1, 0}) == std::vector<int16_t>{-2});
  // Padding of one frame at both ends: counted or not; in a largest value it never is.
  WithDepth<PoolAttrs> time{{{1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 0, 0}, {3, 2, 1, 1, 1, 0}};
  const Shape line{1, 1, 4, 1, 1}, half{1, 1, 2, 1, 1};
  CHECK(pooled<float>(Kernel::kMaxPool, time, line, {-4, -3, -2, -1}, half) == Floats{-3, -1});
  CHECK(pooled<float>(Kernel::kAvgPool, time, line, {1, 3, 5, 7}, half) == Floats{2, 5});
  time.own.count_include_pad = 1;
  CHECK(pooled<float>(Kernel::kAvgPool, time, line, {2, 4, 5, 9}, half) == Floats{2, 6});
  time.own.ceil = 1, time.depth = {2, 2, 0, 0, 1, 0};  // a last window of one frame
  CHECK(pooled<float>(Kernel::kAvgPool, time, {1, 1, 3, 1, 1}, {2, 4, 5}, half) == Floats{3, 5});
  time.depth = {2, 1, 0, 0, 2, 0};
  CHECK(pooled<float>(Kernel::kMaxPool, time, line, {9, 3, 5, 7}, half) == Floats{9, 7});
}

TEST_CASE("windows over three axes that do not fit are refused by name") {
  const auto refusal = [](const auto& change) {
    Case s{1, 2, 2, 1, {3, 4, 4}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
    Artifact a;
    const auto x = a.input("x", DType::kF32, s.x_shape(), kLast), y = a.value("y", DType::kF32, s.y_shape(), kLast);
    const auto w = a.constant<float>("w", s.w_shape(), packed(s, reals(108, 1), 1), Packing::kPanel16);
    auto attrs = attributes(s);
    change(a, attrs);
    a.op(Kernel::kConvF32, "video.conv", {x, w}, {y}, attrs);
    a.outputs = {y};
    return run(a, {Array::of(s.x_shape(), reals(96, 2))}).message;
  };
  using Attrs = WithDepth<ConvAttrs>;
  const auto says = [](const std::string& message, const char* words) {
    INFO(message);
    return message.find(words) != std::string::npos && message.find("video.conv") != std::string::npos;
  };
  CHECK(says(refusal([](Artifact&, Attrs& a) { a.depth.stride = 0; }), "a stride is 0"));
  CHECK(says(refusal([](Artifact&, Attrs& a) { a.depth.join = 2; }), "its way to join frames is 2"));
  CHECK(says(refusal([](Artifact&, Attrs& a) { a.depth.pad_end = 0; }), "its output has 3 frames, expected 2"));
  CHECK(says(refusal([](Artifact&, Attrs& a) { a.depth.kernel = 9; }), "its output has 3 frames, expected -1"));
  CHECK(says(refusal([](Artifact&, Attrs& a) { a.depth.kernel = 5, a.depth.pad_begin = 2, a.depth.pad_end = 2; }), "bytes, expected"));
  CHECK(says(refusal([](Artifact& a, Attrs&) { a.values[0].rank = 4; }), "expected 80 bytes of attributes, found 104"));
  CHECK(says(refusal([](Artifact&, Attrs& a) { a.depth.join = 1, a.own.dilation[0] = 2, a.own.pad_begin[0] = a.own.pad_end[0] = 2; }), "cannot be joined under a dilation of 2"));
  Artifact a;
  const auto x = a.input("x", DType::kF32, {1, 1, 2, 2, 2}, kLast), y = a.value("y", DType::kF32, {1, 1, 2, 4, 4}, kLast);
  a.op(Kernel::kResize, "video.conv", {x}, {y}, ResizeAttrs{});
  a.outputs = {y};
  CHECK(says(run(a, {Array::of<float>({1, 1, 2, 2, 2}, Floats(8, 1))}).message, "\"x\" must have 3 or 4 axes"));
}
