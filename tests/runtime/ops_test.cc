// The generic meaning of every op that is not a product, on tensors small enough to check by hand.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/catch.h"
#include "tests/runtime/artifact.h"

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
using Floats = std::vector<float>;
using Bytes = std::vector<uint8_t>;
using Shape = std::vector<int64_t>;

// An op with one input and one output.
template <typename X, typename Y, typename Attrs>
std::vector<Y> one(Kernel kernel, const Attrs& attrs, const Shape& x_shape, const std::vector<X>& x, const Shape& y_shape, Layout layout = Layout::kPlain, Quant qx = {},
                   Quant qy = {}, Layout y_layout = Layout::kPlain) {
  Artifact a;
  const auto in = a.input("x", dtype_of<X>(), x_shape, layout, qx);
  const auto out = a.value("y", dtype_of<Y>(), y_shape, layout == Layout::kPlain ? y_layout : layout, qy);
  if constexpr (std::is_same_v<Attrs, std::nullptr_t>) a.op(kernel, "op", {in}, {out});
  else a.op(kernel, "op", {in}, {out}, attrs);
  a.outputs = {out};
  const Outcome outcome = run(a, {Array::of<X>(x_shape, x)}), two = run(a, {Array::of<X>(x_shape, x)}, 2);
  INFO(outcome.message);
  REQUIRE(outcome.status == FASTC_RT_OK);
  CHECK(outcome.outputs[0].bytes == two.outputs[0].bytes);
  return outcome.outputs[0].template numbers<Y>();
}

float activated(Activation op, float x, float lo = 0, float hi = 0) {
  return one<float, float>(Kernel::kUnary, UnaryAttrs{static_cast<uint32_t>(op), lo, hi, 0, 255}, {1}, {x}, {1})[0];
}

PoolAttrs pool(int32_t k, int32_t stride, int32_t pad) { return {{k, k}, {stride, stride}, {pad, pad}, {pad, pad}, {1, 1}, 0, 0}; }

}  // namespace

TEST_CASE("unary functions are PyTorch's", "[ops]") {
  const auto near = [](float found, double expected) { return std::fabs(found - expected) <= 2e-6 * std::max(1.0, std::fabs(expected)); };
  CHECK(activated(Activation::kRelu, -1) == 0);
  CHECK(activated(Activation::kClip, 9, 0, 6) == 6);
  CHECK(near(activated(Activation::kSigmoid, 1), 0.7310585786300049));
  CHECK(near(activated(Activation::kTanh, 0.5f), 0.46211715726000979));
  CHECK(near(activated(Activation::kGelu, 1), 0.8413447460685429));
  CHECK(near(activated(Activation::kGelu, -2), -0.04550026389635842));
  CHECK(near(activated(Activation::kGeluTanh, 1), 0.8411919906082768));
  CHECK(near(activated(Activation::kSilu, 2), 1.7615941559557649));
  CHECK(near(activated(Activation::kHardSwish, 1), 4.0 / 6));
  CHECK(near(activated(Activation::kHardSigmoid, 1), 4.0 / 6));
  CHECK(near(activated(Activation::kExp, 1), 2.718281828459045));
  CHECK(near(activated(Activation::kLog, 10), 2.302585092994046));
  CHECK(activated(Activation::kSqrt, 9) == 3);
  CHECK(near(activated(Activation::kRsqrt, 4), 0.5));
  CHECK(activated(Activation::kNeg, 3) == -3);
  CHECK(activated(Activation::kAbs, -3) == 3);
  CHECK(near(activated(Activation::kErf, 0.5f), 0.5204998778130465));
  CHECK(near(activated(Activation::kSin, 1), 0.8414709848078965));
  CHECK(near(activated(Activation::kCos, 1), 0.5403023058681398));
  CHECK(activated(Activation::kReciprocal, 4) == 0.25f);
  CHECK(activated(Activation::kFloor, -1.5f) == -2);
  CHECK(near(activated(Activation::kLeakyRelu, -2, 0.1f), -0.2));
  CHECK(near(activated(Activation::kElu, -1, 2), 2 * (std::exp(-1.0) - 1)));
  CHECK(near(activated(Activation::kSoftplus, 1), 1.3132616875182228));
  CHECK(activated(Activation::kSoftplus, 30) == 30);
  CHECK(one<uint8_t, uint8_t>(Kernel::kUnary, UnaryAttrs{1, 0, 0, 50, 200}, {4}, {0, 50, 199, 255}, {4}, Layout::kPlain, {0.1f, 50}, {0.1f, 50}) == Bytes{50, 50, 199, 200});
  CHECK(one<int64_t, int64_t>(Kernel::kUnary, UnaryAttrs{static_cast<uint32_t>(Activation::kAbs), 0, 0, 0, 255}, {2}, {-7, 7}, {2}) == std::vector<int64_t>{7, 7});
}

TEST_CASE("binary ops broadcast as numpy does, in any layout", "[ops]") {
  Artifact a;  // [1,2,1,2] channels-last, plus one number a channel [2,1,1], times a number
  const auto x = a.input("x", DType::kF32, {1, 2, 1, 2}, Layout::kChannelsLast);
  const auto c = a.constant<float>("c", {2, 1, 1}, {10, 20}), k = a.constant<float>("k", {}, {2});
  const auto s = a.value("s", DType::kF32, {1, 2, 1, 2}, Layout::kChannelsLast), y = a.value("y", DType::kF32, {1, 2, 1, 2}, Layout::kChannelsLast);
  const auto big = a.value("big", DType::kBool, {1, 2, 1, 2}, Layout::kChannelsLast), z = a.value("z", DType::kF32, {1, 2, 1, 2});
  a.op(Kernel::kBinary, "add", {x, c}, {s}, BinaryAttrs{static_cast<uint32_t>(Binary::kAdd), 0, 0, 0});
  a.op(Kernel::kBinary, "mul", {s, k}, {y}, BinaryAttrs{static_cast<uint32_t>(Binary::kMul), static_cast<uint32_t>(Activation::kClip), 0, 47});
  a.op(Kernel::kBinary, "gt", {y, c}, {big}, BinaryAttrs{static_cast<uint32_t>(Binary::kGt), 0, 0, 0});
  a.op(Kernel::kWhere, "where", {big, c, x}, {z});
  a.outputs = {y, big, z};
  const Outcome outcome = run(a, {Array::of<float>({1, 2, 1, 2}, {1, -6, 3, 4})});
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].numbers<float>() == Floats{22, 8, 46, 47});
  CHECK(outcome.outputs[1].numbers<uint8_t>() == Bytes{1, 0, 1, 1});
  CHECK(outcome.outputs[2].numbers<float>() == Floats{10, -6, 20, 20});
}

TEST_CASE("every binary operator, on floats and integers", "[ops]") {
  const auto both = [](Binary op) {
    Artifact a;
    const auto f = a.input("f", DType::kF32, {3}), g = a.input("g", DType::kF32, {3});
    const auto i = a.input("i", DType::kI64, {3}), j = a.input("j", DType::kI64, {3});
    const bool truth = op >= Binary::kEq;
    const auto y = a.value("y", truth ? DType::kBool : DType::kF32, {3}), z = a.value("z", truth ? DType::kBool : DType::kI64, {3});
    a.op(Kernel::kBinary, "f", {f, g}, {y}, BinaryAttrs{static_cast<uint32_t>(op), 0, 0, 0});
    a.op(Kernel::kBinary, "i", {i, j}, {z}, BinaryAttrs{static_cast<uint32_t>(op), 0, 0, 0});
    a.outputs = {y, z};
    const Outcome o = run(a, {Array::of<float>({3}, {-7, 2, 3}), Array::of<float>({3}, {2, 2, 0.5f}), Array::of<int64_t>({3}, {-7, 2, 3}), Array::of<int64_t>({3}, {2, 2, 0})});
    REQUIRE(o.message == "");
    std::vector<double> all;
    if (truth) {
      for (uint8_t v : o.outputs[0].numbers<uint8_t>()) all.push_back(v);
      for (uint8_t v : o.outputs[1].numbers<uint8_t>()) all.push_back(v);
    } else {
      for (float v : o.outputs[0].numbers<float>()) all.push_back(v);
      for (int64_t v : o.outputs[1].numbers<int64_t>()) all.push_back(static_cast<double>(v));
    }
    return all;
  };
  using Row = std::vector<double>;
  CHECK(both(Binary::kAdd) == Row{-5, 4, 3.5, -5, 4, 3});
  CHECK(both(Binary::kSub) == Row{-9, 0, 2.5, -9, 0, 3});
  CHECK(both(Binary::kMul) == Row{-14, 4, 1.5, -14, 4, 0});
  CHECK(both(Binary::kDiv) == Row{-3.5, 1, 6, -4, 1, 0});
  CHECK(both(Binary::kMin) == Row{-7, 2, 0.5, -7, 2, 0});
  CHECK(both(Binary::kMax) == Row{2, 2, 3, 2, 2, 3});
  CHECK(both(Binary::kPow) == Row{49, 4, static_cast<double>(std::sqrt(3.0f)), 49, 4, 1});
  CHECK(both(Binary::kEq) == Row{0, 1, 0, 0, 1, 0});
  CHECK(both(Binary::kNe) == Row{1, 0, 1, 1, 0, 1});
  CHECK(both(Binary::kLt) == Row{1, 0, 0, 1, 0, 0});
  CHECK(both(Binary::kLe) == Row{1, 1, 0, 1, 1, 0});
  CHECK(both(Binary::kGt) == Row{0, 0, 1, 0, 0, 1});
  CHECK(both(Binary::kGe) == Row{0, 1, 1, 0, 1, 1});
  CHECK(both(Binary::kAnd) == Row{1, 1, 1, 1, 1, 0});
  CHECK(both(Binary::kOr) == Row{1, 1, 1, 1, 1, 1});
}

TEST_CASE("quantize, dequantize and add keep the integer formulas", "[ops]") {
  // x/0.5 + 10, halves to even: 0.25 → 10.5 → 10; 0.75 → 11.5 → 12
  CHECK(one<float, uint8_t>(Kernel::kQuantize, nullptr, {6}, {0.25f, 0.75f, -100, 1e30f, kNaN, -0.75f}, {6}, Layout::kPlain, {}, {0.5f, 10}) == Bytes{10, 12, 0, 255, 0, 8});
  CHECK(one<uint8_t, float>(Kernel::kDequantize, nullptr, {3}, {0, 10, 255}, {3}, Layout::kPlain, {0.5f, 10}) == Floats{-5, 0, 122.5f});
  // An image with 3 channels goes into channels-last and comes out in logical order again.
  Floats image(2 * 3 * 5 * 7);
  Bytes expected(image.size());
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 200), expected[i] = static_cast<uint8_t>(i % 200 + 3);
  CHECK(one<float, uint8_t>(Kernel::kQuantize, nullptr, {2, 3, 5, 7}, image, {2, 3, 5, 7}, Layout::kPlain, {}, {1, 3}, Layout::kChannelsLast) == expected);
  Floats wide(40 * 2 * 3);
  Bytes wide_expected(wide.size());
  for (size_t i = 0; i < wide.size(); ++i) wide[i] = static_cast<float>(i), wide_expected[i] = static_cast<uint8_t>(i);
  CHECK(one<float, uint8_t>(Kernel::kQuantize, nullptr, {1, 40, 2, 3}, wide, {1, 40, 2, 3}, Layout::kPlain, {}, {1, 0}, Layout::kChannelsLast) == wide_expected);

  Artifact a;
  const auto x = a.input("x", DType::kU8, {4}, Layout::kPlain, {0.5f, 10}), z = a.input("z", DType::kU8, {4}, Layout::kPlain, {0.25f, 0});
  const auto y = a.value("y", DType::kU8, {4}, Layout::kPlain, {1.0f, 100});
  a.op(Kernel::kAddS8, "add", {x, z}, {y}, ClampAttrs{100, 250});
  a.outputs = {y};
  const Outcome o = run(a, {Array::of<uint8_t>({4}, {11, 10, 0, 255}), Array::of<uint8_t>({4}, {0, 6, 0, 255})});
  CHECK(o.outputs[0].numbers<uint8_t>() == Bytes{100, 102, 100, 250});  // 0.5 → 0; 1.5 → 2; −5 clamps; 122.5+63.75 → 186 clamps
}

TEST_CASE("values of 16 bits keep the same formulas", "[ops]") {
  using Words = std::vector<int16_t>;
  CHECK(one<float, int16_t>(Kernel::kQuantize, nullptr, {6}, {0.25f, 0.75f, -1e5f, 1e30f, kNaN, -1e30f}, {6}, Layout::kPlain, {}, {0.5f, 0}) == Words{0, 2, -32767, 32767, -32767, -32767});
  CHECK(one<int16_t, float>(Kernel::kDequantize, nullptr, {3}, {0, -10, 32767}, {3}, Layout::kPlain, {0.5f, 0}) == Floats{0, -5, 16383.5f});
  Floats image(2 * 3 * 5 * 7), wide(40 * 2 * 3);
  Words expected(image.size()), wide_expected(wide.size());
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i) * 100, expected[i] = static_cast<int16_t>(i * 100);
  for (size_t i = 0; i < wide.size(); ++i) wide[i] = static_cast<float>(i) * -100, wide_expected[i] = static_cast<int16_t>(static_cast<int>(i) * -100);
  CHECK(one<float, int16_t>(Kernel::kQuantize, nullptr, {2, 3, 5, 7}, image, {2, 3, 5, 7}, Layout::kPlain, {}, {1, 0}, Layout::kChannelsLast) == expected);
  CHECK(one<float, int16_t>(Kernel::kQuantize, nullptr, {1, 40, 2, 3}, wide, {1, 40, 2, 3}, Layout::kPlain, {}, {1, 0}, Layout::kChannelsLast) == wide_expected);
  CHECK(one<int16_t, float>(Kernel::kDequantize, nullptr, {2, 3, 5, 7}, expected, {2, 3, 5, 7}, Layout::kChannelsLast, {1, 0}, {}, Layout::kPlain) == image);
  const Layout last = Layout::kChannelsLast;
  CHECK(one<int16_t, int16_t>(Kernel::kMaxPool, pool(2, 1, 0), {1, 2, 2, 2}, {-1, -9, -3, -4, 0, 0, 0, 32767}, {1, 2, 1, 1}, last, {1, 0}, {1, 0}) == Words{-1, 32767});
  // (10 + 11 + 12 + 13)·(0.5/(0.25·4)) = 23; 131068·0.25 cut off at 32767 after it
  CHECK(one<int16_t, int16_t>(Kernel::kAvgPool, pool(2, 2, 0), {1, 1, 2, 2}, {10, 11, 12, 13}, {1, 1, 1, 1}, last, {0.5f, 0}, {0.25f, 0}) == Words{23});
  CHECK(one<int16_t, int16_t>(Kernel::kAdaptiveAvgPool, pool(1, 1, 0), {1, 1, 2, 2}, {32767, 32767, 32767, 32767}, {1, 1, 1, 1}, last, {0.5f, 0}, {0.25f, 0}) == Words{32767});

  CHECK(one<int16_t, int16_t>(Kernel::kUnary, UnaryAttrs{1, 0, 0, 0, 32767}, {4}, {-32767, -1, 5, 32767}, {4}, Layout::kPlain, {0.5f, 0}, {0.5f, 0}) == Words{0, 0, 5, 32767});
  CHECK(one<int16_t, int16_t>(Kernel::kUnary, UnaryAttrs{2, 0, 0, -300, 300}, {4}, {-32767, -1, 5, 32767}, {4}, Layout::kPlain, {0.5f, 0}, {0.5f, 0}) == Words{-300, -1, 5, 300});
  CHECK(one<int16_t, int16_t>(Kernel::kPad, PadAttrs{{1}, {2}, 0, -700}, {2}, {1, 2}, {5}, Layout::kPlain, {1, 0}, {1, 0}) == Words{-700, 1, 2, -700, -700});

  Artifact joined;
  const auto p = joined.input("p", DType::kS16, {1, 2}, Layout::kPlain, {0.75f, 0}), q = joined.input("q", DType::kS16, {2, 2}, Layout::kPlain, {0.5f, 0});
  const auto both = joined.value("y", DType::kS16, {3, 2}, Layout::kPlain, {0.5f, 0});
  joined.op(Kernel::kConcat, "cat", {p, q}, {both}, AxisAttrs{0, 0});
  joined.outputs = {both};
  const Outcome cat = run(joined, {Array::of<int16_t>({1, 2}, {3, -32767}), Array::of<int16_t>({2, 2}, {1, -2, 32767, 4})});
  REQUIRE(cat.message == "");
  CHECK(cat.outputs[0].numbers<int16_t>() == Words{4, -32767, 1, -2, 32767, 4});  // 4.5 is a tie; −49150.5 is cut off

  Artifact a;
  const auto x = a.input("x", DType::kS16, {4}, Layout::kPlain, {0.5f, 0}), z = a.input("z", DType::kS16, {4}, Layout::kPlain, {0.25f, 0});
  const auto y = a.value("y", DType::kS16, {4}, Layout::kPlain, {1.0f, 0});
  a.op(Kernel::kAddS16, "add", {x, z}, {y}, ClampAttrs{-100, 20000});
  a.outputs = {y};
  const Outcome o = run(a, {Array::of<int16_t>({4}, {1, 0, -1000, 32767}), Array::of<int16_t>({4}, {0, 6, 0, 32767})});
  CHECK(o.outputs[0].numbers<int16_t>() == Words{0, 2, -100, 20000});  // 0.5 and 1.5 are ties
}

TEST_CASE("pooling windows are PyTorch's", "[ops]") {
  const Layout last = Layout::kChannelsLast;
  const Floats x = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  CHECK(one<float, float>(Kernel::kMaxPool, pool(2, 1, 0), {1, 1, 3, 3}, x, {1, 1, 2, 2}, last) == Floats{5, 6, 8, 9});
  CHECK(one<float, float>(Kernel::kMaxPool, pool(3, 2, 1), {1, 1, 3, 3}, x, {1, 1, 2, 2}, last) == Floats{5, 6, 8, 9});
  PoolAttrs ceil = pool(2, 2, 0);
  ceil.ceil = 1;
  CHECK(one<float, float>(Kernel::kMaxPool, ceil, {1, 1, 3, 3}, x, {1, 1, 2, 2}, last) == Floats{5, 6, 8, 9});
  CHECK(one<float, float>(Kernel::kAvgPool, ceil, {1, 1, 3, 3}, x, {1, 1, 2, 2}, last) == Floats{3, 4.5f, 7.5f, 9});
  PoolAttrs counted = pool(2, 2, 1);
  CHECK(one<float, float>(Kernel::kAvgPool, counted, {1, 1, 3, 3}, x, {1, 1, 2, 2}, last) == Floats{1, 2.5f, 5.5f, 7});
  counted.count_include_pad = 1;
  CHECK(one<float, float>(Kernel::kAvgPool, counted, {1, 1, 3, 3}, x, {1, 1, 2, 2}, last) == Floats{0.25f, 1.25f, 2.75f, 7});
  CHECK(one<float, float>(Kernel::kAdaptiveAvgPool, pool(2, 1, 0), {1, 1, 3, 3}, x, {1, 1, 2, 2}, last) == Floats{3, 4, 6, 7});
  CHECK(one<uint8_t, uint8_t>(Kernel::kMaxPool, pool(2, 1, 0), {1, 2, 2, 2}, {1, 9, 3, 4, 0, 0, 0, 255}, {1, 2, 1, 1}, last, {1, 0}, {1, 0}) == Bytes{9, 255});
  // (10+11+12+14 − 4·10)·(0.5/(0.25·4)) = 3.5 → 4, plus 20
  CHECK(one<uint8_t, uint8_t>(Kernel::kAvgPool, pool(2, 2, 0), {1, 1, 2, 2}, {10, 11, 12, 14}, {1, 1, 1, 1}, last, {0.5f, 10}, {0.25f, 20}) == Bytes{24});
  CHECK(one<uint8_t, uint8_t>(Kernel::kAdaptiveAvgPool, pool(1, 1, 0), {1, 1, 2, 2}, {10, 11, 12, 14}, {1, 1, 1, 1}, last, {0.5f, 10}, {0.25f, 20}) == Bytes{24});
  const PoolAttrs line{{1, 2}, {1, 2}, {0, 0}, {0, 0}, {1, 1}, 0, 0};
  CHECK(one<float, float>(Kernel::kMaxPool, line, {1, 2, 4}, {1, 2, 3, 4, 8, 7, 6, 5}, {1, 2, 2}, last) == Floats{2, 4, 8, 6});
}

TEST_CASE("resize: nearest and bilinear, both alignments", "[ops]") {
  const Layout last = Layout::kChannelsLast;
  CHECK(one<float, float>(Kernel::kResize, ResizeAttrs{0, 0}, {1, 1, 1, 2}, {1, 2}, {1, 1, 2, 4}, last) == Floats{1, 1, 2, 2, 1, 1, 2, 2});
  CHECK(one<float, float>(Kernel::kResize, ResizeAttrs{1, 0}, {1, 1, 1, 2}, {0, 4}, {1, 1, 1, 4}, last) == Floats{0, 1, 3, 4});
  CHECK(one<float, float>(Kernel::kResize, ResizeAttrs{1, 1}, {1, 1, 1, 2}, {0, 3}, {1, 1, 1, 4}, last) == Floats{0, 1, 2, 3});
}

TEST_CASE("reductions over any axes", "[ops]") {
  const Floats x = {1, 2, 3, 4, 5, 6};
  const auto reduce = [&](Reduce op, uint32_t mask, const Shape& y) { return one<float, float>(Kernel::kReduce, ReduceAttrs{static_cast<uint32_t>(op), mask, 0, 0}, {2, 3}, x, y); };
  CHECK(reduce(Reduce::kSum, 2, {2}) == Floats{6, 15});
  CHECK(reduce(Reduce::kSum, 1, {3}) == Floats{5, 7, 9});
  CHECK(reduce(Reduce::kMean, 3, {}) == Floats{3.5f});
  CHECK(reduce(Reduce::kMax, 2, {2, 1}) == Floats{3, 6});
  CHECK(reduce(Reduce::kMin, 1, {3}) == Floats{1, 2, 3});
  CHECK(one<uint8_t, uint8_t>(Kernel::kReduce, ReduceAttrs{static_cast<uint32_t>(Reduce::kMean), 1, 0, 0}, {4}, {10, 11, 12, 14}, {}, Layout::kPlain, {0.5f, 10}, {0.25f, 20}) == Bytes{24});
  CHECK(one<int64_t, int64_t>(Kernel::kCumsum, AxisAttrs{1, 0}, {2, 3}, {1, 2, 3, 4, 5, 6}, {2, 3}) == std::vector<int64_t>{1, 3, 6, 4, 9, 15});
  CHECK(one<float, float>(Kernel::kCumsum, AxisAttrs{0, 0}, {2, 3}, x, {2, 3}) == Floats{1, 2, 3, 5, 7, 9});
}

TEST_CASE("argsort: ties in their order, NaN the largest", "[ops]") {
  using Places = std::vector<int64_t>;
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Floats x = {2, -1, 2, nan, -0.0f, 0, inf, -inf};
  CHECK(one<float, int64_t>(Kernel::kArgsort, AxisAttrs{0, 0}, {8}, x, {8}) == Places{7, 1, 4, 5, 0, 2, 6, 3});
  CHECK(one<float, int64_t>(Kernel::kArgsort, AxisAttrs{0, 1}, {8}, x, {8}) == Places{3, 6, 0, 2, 4, 5, 1, 7});
  CHECK(one<int64_t, int64_t>(Kernel::kArgsort, AxisAttrs{1, 0}, {2, 3}, {3, INT64_MIN, 3, 9, INT64_MAX, 8}, {2, 3}) == Places{1, 0, 2, 2, 0, 1});
  CHECK(one<int32_t, int64_t>(Kernel::kArgsort, AxisAttrs{1, 1}, {1, 3}, {1, 2, 3}, {1, 3}) == Places{2, 1, 0});
  CHECK(one<double, int64_t>(Kernel::kArgsort, AxisAttrs{1, 0}, {2, 1}, {5, -5}, {2, 1}) == Places{0, 0});
  // Longer lines with many ties, against a sort that keeps them.
  std::vector<int32_t> many(1000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<int32_t>(i * 7919 % 37);
  Places places(many.size());
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](int64_t a, int64_t b) { return many[static_cast<size_t>(a)] < many[static_cast<size_t>(b)]; });
  CHECK(one<int32_t, int64_t>(Kernel::kArgsort, AxisAttrs{0, 0}, {1000}, many, {1000}) == places);
}

TEST_CASE("norms and softmax", "[ops]") {
  Artifact a;
  const auto x = a.input("x", DType::kF32, {1, 2, 2});
  const auto w = a.constant<float>("w", {2}, {1, 10}), b = a.constant<float>("b", {2}, {0, 5});
  const auto ln = a.value("ln", DType::kF32, {1, 2, 2}), rms = a.value("rms", DType::kF32, {1, 2, 2}), bn = a.value("bn", DType::kF32, {1, 2, 2});
  a.op(Kernel::kLayerNorm, "ln", {x, w, b}, {ln}, NormAttrs{1, 0});
  a.op(Kernel::kRmsNorm, "rms", {x, kNone}, {rms}, NormAttrs{1, 0});
  a.op(Kernel::kBatchNorm, "bn", {x, w, b}, {bn}, UnaryAttrs{static_cast<uint32_t>(Activation::kRelu), 0, 0, 0, 255});
  a.outputs = {ln, rms, bn};
  const Outcome o = run(a, {Array::of<float>({1, 2, 2}, {1, 3, -6, 8})});
  REQUIRE(o.message == "");
  CHECK(o.outputs[0].numbers<float>() == Floats{-1, 15, -1, 15});
  CHECK(o.outputs[1].numbers<float>()[0] == Approx(1 / std::sqrt(5.0)));
  CHECK(o.outputs[1].numbers<float>()[3] == Approx(8 / std::sqrt(50.0)));
  CHECK(o.outputs[2].numbers<float>() == Floats{1, 3, 0, 85});
  const auto s = one<float, float>(Kernel::kSoftmax, AxisAttrs{0, 0}, {2, 2}, {0, 1000, std::log(3.0f), 1000}, {2, 2});
  CHECK(s[0] == Approx(0.25)); CHECK(s[1] == Approx(0.5)); CHECK(s[2] == Approx(0.75));
  const auto l = one<float, float>(Kernel::kSoftmax, AxisAttrs{1, 1}, {1, 2}, {0, std::log(3.0f)}, {1, 2});
  CHECK(l[0] == Approx(std::log(0.25))); CHECK(l[1] == Approx(std::log(0.75)));
}

TEST_CASE("moving data: transpose, slice, pad, expand, concat, reshape", "[ops]") {
  const Floats x = {1, 2, 3, 4, 5, 6};
  CHECK(one<float, float>(Kernel::kTranspose, PermuteAttrs{{1, 0}}, {2, 3}, x, {3, 2}) == Floats{1, 4, 2, 5, 3, 6});
  CHECK(one<int64_t, int64_t>(Kernel::kTranspose, PermuteAttrs{{2, 0, 1}}, {1, 2, 3}, {1, 2, 3, 4, 5, 6}, {3, 1, 2}) == std::vector<int64_t>{1, 4, 2, 5, 3, 6});
  CHECK(one<float, float>(Kernel::kSlice, SliceAttrs{{0, 1}, {1, 2}}, {2, 3}, x, {2, 1}) == Floats{2, 5});
  CHECK(one<float, float>(Kernel::kSlice, SliceAttrs{{0, 0}, {1, 2}}, {2, 3}, x, {2, 2}) == Floats{1, 3, 4, 6});
  CHECK(one<float, float>(Kernel::kPad, PadAttrs{{1, 0}, {0, 1}, 9, 0}, {1, 2}, {1, 2}, {2, 3}) == Floats{9, 9, 9, 1, 2, 9});
  CHECK(one<float, float>(Kernel::kPad, PadAttrs{{0, -1}, {0, 1}, 9, 0}, {1, 3}, {1, 2, 3}, {1, 3}) == Floats{2, 3, 9});
  CHECK(one<uint8_t, uint8_t>(Kernel::kPad, PadAttrs{{1}, {1}, 0, 7}, {2}, {1, 2}, {4}, Layout::kPlain, {1, 7}, {1, 7}) == Bytes{7, 1, 2, 7});
  CHECK(one<float, float>(Kernel::kExpand, nullptr, {2, 1}, {1, 2}, {2, 2, 3}) == Floats{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
  CHECK(one<float, float>(Kernel::kReshape, nullptr, {2, 3}, x, {3, 2}) == x);

  Artifact a;
  const auto p = a.input("p", DType::kU8, {1, 1, 2}, Layout::kPlain, {0.5f, 10}), q = a.input("q", DType::kU8, {1, 2, 2}, Layout::kPlain, {1, 0});
  const auto y = a.value("y", DType::kU8, {1, 3, 2}, Layout::kPlain, {1, 0});
  a.op(Kernel::kConcat, "cat", {p, q}, {y}, AxisAttrs{1, 0});
  a.outputs = {y};
  const Outcome o = run(a, {Array::of<uint8_t>({1, 1, 2}, {20, 13}), Array::of<uint8_t>({1, 2, 2}, {1, 2, 3, 4})});
  REQUIRE(o.message == "");
  CHECK(o.outputs[0].numbers<uint8_t>() == Bytes{5, 2, 1, 2, 3, 4});  // (13−10)·0.5 = 1.5 → 2
}

TEST_CASE("reading by index, and an index outside its table", "[ops]") {
  Artifact a;
  const auto i = a.input("i", DType::kI64, {2}), x = a.input("x", DType::kF32, {2, 3}), g = a.input("g", DType::kI64, {2, 2});
  const auto table = a.constant<float>("table", {3, 2}, {0, 1, 10, 11, 20, 21});
  const auto e = a.value("e", DType::kF32, {2, 2}), s = a.value("s", DType::kF32, {2, 2}), t = a.value("t", DType::kF32, {2, 2});
  a.op(Kernel::kEmbedding, "embed", {table, i}, {e});
  a.op(Kernel::kIndexSelect, "select", {x, i}, {s}, AxisAttrs{1, 0});
  a.op(Kernel::kGather, "gather", {x, g}, {t}, AxisAttrs{1, 0});
  a.outputs = {e, s, t};
  const Array xs = Array::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), gs = Array::of<int64_t>({2, 2}, {2, 0, 1, 1});
  const Outcome o = run(a, {Array::of<int64_t>({2}, {2, 0}), xs, gs});
  REQUIRE(o.message == "");
  CHECK(o.outputs[0].numbers<float>() == Floats{20, 21, 0, 1});
  CHECK(o.outputs[1].numbers<float>() == Floats{3, 1, 6, 4});
  CHECK(o.outputs[2].numbers<float>() == Floats{3, 1, 5, 5});
  const Outcome bad = run(a, {Array::of<int64_t>({2}, {3, 0}), xs, gs});
  CHECK(bad.status == FASTC_RT_BAD_ARGUMENT);
  CHECK(bad.message == "op \"embed\": index 3 is outside [0, 3)");
}

TEST_CASE("casts and counting", "[ops]") {
  CHECK(one<float, int64_t>(Kernel::kCast, nullptr, {3}, {1.9f, -1.9f, 3}, {3}) == std::vector<int64_t>{1, -1, 3});
  CHECK(one<int64_t, float>(Kernel::kCast, nullptr, {2}, {-3, 7}, {2}) == Floats{-3, 7});
  CHECK(one<double, int32_t>(Kernel::kCast, nullptr, {1}, {-2.5}, {1}) == std::vector<int32_t>{-2});
  Artifact a;  // there and back through 16 bits
  const auto x = a.input("x", DType::kF32, {5});
  const auto h = a.value("h", DType::kF16, {5}), y = a.value("y", DType::kF32, {5}), b = a.value("b", DType::kBF16, {5}), z = a.value("z", DType::kF32, {5});
  const auto n = a.value("n", DType::kI64, {4}), t = a.value("t", DType::kBool, {5});
  a.op(Kernel::kCast, "half", {x}, {h}), a.op(Kernel::kCast, "back", {h}, {y}), a.op(Kernel::kCast, "brain", {x}, {b}), a.op(Kernel::kCast, "back", {b}, {z});
  a.op(Kernel::kIota, "iota", {}, {n}, IotaAttrs{3, -2}), a.op(Kernel::kCast, "truth", {x}, {t});
  a.outputs = {y, z, n, t};
  const Outcome o = run(a, {Array::of<float>({5}, {1.0009765625f, 0, 70000, 3e-8f, -2049})});
  REQUIRE(o.message == "");
  CHECK(o.outputs[0].numbers<float>() == Floats{1.0009765625f, 0, std::numeric_limits<float>::infinity(), 5.9604644775390625e-08f, -2048});
  CHECK(o.outputs[1].numbers<float>()[0] == 1.0f);
  CHECK(o.outputs[1].numbers<float>()[2] == 70144.0f);
  CHECK(o.outputs[2].numbers<int64_t>() == std::vector<int64_t>{3, 1, -1, -3});
  CHECK(o.outputs[3].numbers<uint8_t>() == Bytes{1, 0, 1, 1, 1});
}

TEST_CASE("an LSTM cell, both directions, against its equations", "[ops]") {
  Artifact a;  // one feature, one hidden unit, two steps, no bias in the second direction's weights
  const Floats wih = {0.5f, -0.3f, 0.8f, 0.1f}, whh = {0.2f, 0.4f, -0.6f, 0.7f}, bih = {0.1f, 0.2f, 0.3f, 0.4f}, zero = {0, 0, 0, 0};
  const auto x = a.input("x", DType::kF32, {2, 1, 1});
  const auto w = a.constant<float>("w", {4, 1}, wih), r = a.constant<float>("r", {4, 1}, whh), b = a.constant<float>("b", {4}, bih), z = a.constant<float>("z", {4}, zero);
  const auto y = a.value("y", DType::kF32, {2, 1, 2}), h = a.value("h", DType::kF32, {2, 1, 1}), c = a.value("c", DType::kF32, {2, 1, 1});
  a.op(Kernel::kLstm, "lstm", {x, w, r, b, z, w, r, b, z, kNone, kNone}, {y, h, c}, RecurrentAttrs{1, 1, 1, 0, 1});
  a.outputs = {y, h, c};
  const Floats xs = {0.9f, -0.4f};
  const Outcome o = run(a, {Array::of<float>({2, 1, 1}, xs)});
  REQUIRE(o.message == "");
  const auto sigma = [](double v) { return 1 / (1 + std::exp(-v)); };
  const auto cell = [&](double in, double& hidden, double& state) {
    double gate[4];
    for (int k = 0; k < 4; ++k) gate[k] = wih[k] * in + whh[k] * hidden + bih[k];
    state = sigma(gate[1]) * state + sigma(gate[0]) * std::tanh(gate[2]);
    hidden = sigma(gate[3]) * std::tanh(state);
  };
  double hf = 0, cf = 0, hb = 0, cb = 0;
  cell(xs[0], hf, cf);
  const double first_forward = hf;
  cell(xs[1], hf, cf);
  cell(xs[1], hb, cb);
  const double first_backward = hb;
  cell(xs[0], hb, cb);
  const auto ys = o.outputs[0].numbers<float>();
  CHECK(ys[0] == Approx(first_forward)); CHECK(ys[1] == Approx(hb)); CHECK(ys[2] == Approx(hf)); CHECK(ys[3] == Approx(first_backward));
  CHECK(o.outputs[1].numbers<float>()[0] == Approx(hf)); CHECK(o.outputs[2].numbers<float>()[1] == Approx(cb));
}


TEST_CASE("GRU and RNN cells against their equations", "[ops]") {
  Artifact a;  // one feature, one hidden unit, two steps
  const Floats wi = {0.5f, -0.3f, 0.8f}, wh = {0.2f, 0.4f, -0.6f}, bi = {0.1f, 0.2f, 0.3f}, bh = {-0.2f, 0.5f, 0.7f};
  const auto x = a.input("x", DType::kF32, {2, 1, 1}), h0 = a.input("h0", DType::kF32, {1, 1, 1});
  const auto w = a.constant<float>("w", {3, 1}, wi), u = a.constant<float>("u", {3, 1}, wh), b = a.constant<float>("b", {3}, bi), c = a.constant<float>("c", {3}, bh);
  const auto w1 = a.constant<float>("w1", {1, 1}, {2}), u1 = a.constant<float>("u1", {1, 1}, {-1});
  const auto y = a.value("y", DType::kF32, {2, 1, 1}), last = a.value("last", DType::kF32, {1, 1, 1}), tanh = a.value("tanh", DType::kF32, {2, 1, 1}),
             relu = a.value("relu", DType::kF32, {2, 1, 1});
  a.op(Kernel::kGru, "gru", {x, w, u, b, c, h0}, {y, last}, RecurrentAttrs{1, 1, 0, 0, 1});
  a.op(Kernel::kRnnTanh, "tanh", {x, w1, u1, kNone}, {tanh, kNone}, RecurrentAttrs{1, 1, 0, 0, 0});
  a.op(Kernel::kRnnRelu, "relu", {x, w1, u1}, {relu, kNone}, RecurrentAttrs{1, 1, 0, 0, 0});
  a.outputs = {y, last, tanh, relu};
  const Floats xs = {0.9f, -0.4f};
  const Outcome o = run(a, {Array::of<float>({2, 1, 1}, xs), Array::of<float>({1, 1, 1}, {0.25f})});
  REQUIRE(o.message == "");
  const auto sigma = [](double v) { return 1 / (1 + std::exp(-v)); };
  double h = 0.25;
  for (int t = 0; t < 2; ++t) {
    const double r = sigma(wi[0] * xs[t] + bi[0] + wh[0] * h + bh[0]), z = sigma(wi[1] * xs[t] + bi[1] + wh[1] * h + bh[1]);
    h = (1 - z) * std::tanh(wi[2] * xs[t] + bi[2] + r * (wh[2] * h + bh[2])) + z * h;
    CHECK(o.outputs[0].numbers<float>()[t] == Approx(h));
  }
  CHECK(o.outputs[1].numbers<float>()[0] == Approx(h));
  const double first = std::tanh(1.8);
  CHECK(o.outputs[2].numbers<float>()[1] == Approx(std::tanh(-0.8 - first)));
  CHECK(o.outputs[3].numbers<float>()[0] == Approx(1.8));
  CHECK(o.outputs[3].numbers<float>()[1] == 0.0f);
}

TEST_CASE("group norm over channels and pixels of each group", "[ops]") {
  Artifact a;
  const auto x = a.input("x", DType::kF32, {1, 4, 2});
  const auto w = a.constant<float>("w", {4}, {1, 10, 1, 1}), b = a.constant<float>("b", {4}, {0, 5, 0, 100});
  const auto y = a.value("y", DType::kF32, {1, 4, 2}), single = a.value("single", DType::kF32, {1, 4, 2});
  a.op(Kernel::kGroupNorm, "gn", {x, w, b}, {y}, GroupNormAttrs{2, 0});
  a.op(Kernel::kGroupNorm, "in", {x, kNone, kNone}, {single}, GroupNormAttrs{4, 1});
  a.outputs = {y, single};
  const Outcome o = run(a, {Array::of<float>({1, 4, 2}, {1, 1, 3, 3, -6, 8, -6, 8})});
  REQUIRE(o.message == "");
  CHECK(o.outputs[0].numbers<float>() == Floats{-1, -1, 15, 15, -1, 1, 99, 101});
  CHECK(o.outputs[1].numbers<float>()[0] == 0.0f);
  CHECK(o.outputs[1].numbers<float>()[5] == Approx(7 / std::sqrt(50.0)));
}
