// Integer nodes against plain loops over int64, bit for bit.
#include <algorithm>

#include "base/random.h"
#include "tests/engine/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

uint8_t requantized(float v, int zero_point, int low, int high) {
  return static_cast<uint8_t>(std::clamp(static_cast<long>(std::nearbyint(v)) + zero_point, static_cast<long>(low), static_cast<long>(high)));
}

Tensor random_u8(std::vector<int64_t> shape, uint64_t seed) {
  Tensor t = Tensor::zeros(DType::kU8, std::move(shape));
  Random random(seed);
  for (uint8_t& v : t.mutable_values<uint8_t>()) v = static_cast<uint8_t>(random.below(256));
  return t;
}

struct ConvCase {
  int64_t channels, outputs, size;
  int zero_point;
};

// 3x3, padding 1, one bias a channel, residual, relu.
std::vector<uint8_t> naive_conv(const Module& m, const ConvCase& c, const Tensor& x, const Tensor& r) {
  const Weight& w = m.weights.find("w")->second;
  const auto q = w.data.values<int8_t>();
  const auto bias = m.weights.find("b")->second.data.values<int32_t>();
  const auto scales = w.encoding.scales.values<float>();
  const auto residual_m = static_cast<float>(double(0.04f) / 0.05f);
  std::vector<uint8_t> y;
  for (int64_t o = 0; o < c.outputs; ++o) {
    const auto mul = static_cast<float>(double(0.02f) * scales[o] / 0.05f);
    for (int64_t i = 0; i < c.size; ++i) {
      for (int64_t j = 0; j < c.size; ++j) {
        int64_t acc = bias[o];
        for (int64_t ch = 0; ch < c.channels; ++ch)
          for (int64_t di = 0; di < 3; ++di)
            for (int64_t dj = 0; dj < 3; ++dj) {
              const int64_t row = i + di - 1, column = j + dj - 1;
              if (row < 0 || column < 0 || row >= c.size || column >= c.size) continue;
              acc += (x.values<uint8_t>()[(ch * c.size + row) * c.size + column] - c.zero_point) * int64_t{q[((o * c.channels + ch) * 3 + di) * 3 + dj]};
            }
        const float a = static_cast<float>(acc) * mul;
        const float b = static_cast<float>(r.values<uint8_t>()[(o * c.size + i) * c.size + j] - 7) * residual_m;
        y.push_back(requantized(a + b, 3, 3, 255));
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("integer convolution is exact, also where sums leave float32's integers") {
  // 4 channels: sums fit float32; 300 channels of random int8: they do not, and float64 is used.
  for (const ConvCase c : {ConvCase{4, 3, 5, 0}, ConvCase{4, 3, 5, 131}, ConvCase{300, 2, 4, 200}}) {
    std::string scales;
    for (int64_t o = 0; o < c.outputs; ++o) scales += fmt::format("{}{}", o == 0 ? "" : ", ", (o + 1) / (c.channels * 700.0));
    const std::string text = fmt::format(R"(module m (%x : u8[1,{0},{2},{2}] q(0.02, {3}), %r : u8[1,{1},{2},{2}] q(0.04, 7)) -> (%y) {{
      @w : s8[{1},{0},3,3] int8(axis 0, scales [{4}]) = random(5)
      @b : i32[{1}] = random(9)
      %y : q(0.05, 3) = conv(%x, @w, @b, %r) {{stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"}}
    }})", c.channels, c.outputs, c.size, c.zero_point, scales);
    Module m = module_of(text);
    // Large enough to matter, not divisible: the last bits of float(acc) are tested too.
    for (int32_t& b : m.weights.find("b")->second.data.mutable_values<int32_t>()) b = b * 1001 + 17;
    const Tensor x = random_u8({1, c.channels, c.size, c.size}, 11), r = random_u8({1, c.outputs, c.size, c.size}, 12);
    auto evaluator = Evaluator::prepare(m);
    REQUIRE(evaluator.has_value());
    const auto found = evaluator->run(std::vector{x, r});
    REQUIRE(found.has_value());
    const std::vector<uint8_t> expected = naive_conv(m, c, x, r);
    REQUIRE(found->at(0).dtype() == DType::kU8);
    CHECK(std::ranges::equal(found->at(0).values<uint8_t>(), expected));
    CHECK(std::ranges::count(expected, 3) < static_cast<long>(expected.size()));  // not all cut off
  }
}

TEST_CASE("the last integer linear emits floats") {
  const auto y = outputs_of(R"(module m (%x : u8[1,3] q(0.5, 10)) -> (%y) {
    @w : s8[2,3] int8(axis 0, scales [0.25, 2.0]) = [[1, 2, 3], [-1, 0, 127]]
    @b : i32[2] = [100, -5]
    %y = linear(%x, @w, @b)
  })", {u8({1, 3}, {11, 9, 255})});
  // acc = (1·1 − 1·2 + 245·3) + 100 = 834; (−1 + 245·127) − 5 = 31109
  check_close(y[0], f32({1, 2}, {834 * 0.125f, 31109.0f}));
}

TEST_CASE("quantize rounds half to even and clamps; dequantize goes back") {
  const auto y = outputs_of(R"(module m (%x : f32[6]) -> (%q, %y) {
    %q : q(0.5, 10) = quantize(%x)
    %y = dequantize(%q)
  })", {f32({6}, {0.25f, 0.75f, -0.25f, 0.3f, 1000, -1000})});
  CHECK(to_doubles(y[0]) == std::vector<double>{10, 12, 10, 11, 255, 0});
  CHECK(to_doubles(y[1]) == std::vector<double>{0, 1, 0, 0.5, 122.5, -5});
}

TEST_CASE("integer add, concat, pad, max and average pooling") {
  const auto y = outputs_of(R"(module m (%a : u8[1,1,2,2] q(0.5, 10), %b : u8[1,1,2,2] q(0.25, 0)) -> (%s, %c, %p, %m, %v, %g, %k) {
    %s : q(0.5, 4) = add(%a, %b) {activation="relu"}
    %c : q(0.5, 10) = concat(%a, %b) {axis=1}
    %p = pad(%a) {padding=[0,0,0,0,0,0,0,1], value=0.0}
    %m = max_pool(%a) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1]}
    %v : q(0.25, 1) = avg_pool(%a) {kernel=[1,2], stride=[1,2], padding=[0,0]}
    %g : q(0.5, 10) = adaptive_avg_pool(%a) {output_size=[1,1]}
    %k : q(0.5, 10) = reduce_mean(%a) {axes=[2,3], keep_dims=false}
  })", {u8({1, 1, 2, 2}, {10, 12, 5, 255}), u8({1, 1, 2, 2}, {1, 2, 3, 255})});
  // (qa − 10)·1 + qb·0.5 → 0.5, 3, −3.5, 372.5; half to even: 0, 3, −4, 372; + 4, at least 4
  CHECK(to_doubles(y[0]) == std::vector<double>{4, 7, 4, 255});
  CHECK(to_doubles(y[1]) == std::vector<double>{10, 12, 5, 255, 10, 11, 12, 138});  // 10 + rne(0.5·q)
  CHECK(to_doubles(y[2]) == std::vector<double>{10, 12, 10, 5, 255, 10});
  CHECK(to_doubles(y[3]) == std::vector<double>{255});
  CHECK(to_doubles(y[4]) == std::vector<double>{3, 241});   // sums 2, 240; m = 0.5 / (0.25·2) = 1
  CHECK(to_doubles(y[5]) == std::vector<double>{70});       // 242 / 4 = 60.5 → 60
  CHECK(to_doubles(y[6]) == std::vector<double>{70});
}

TEST_CASE("integer convolution and pooling over three axes") {
  const auto y = outputs_of(R"(module m (%x : u8[1,1,3,1,2] q(1, 7)) -> (%y, %m, %a, %g, %k) {
    @w : s8[1,1,2,1,2] int8(axis 0, scales [1]) = [[[[[1, 2]], [[3, 4]]]]]
    @b : i32[1] = [-1]
    %y : q(1, 2) = conv(%x, @w, @b) {stride=[1,1,1], padding=[1,0,0,0,0,0], dilation=[1,1,1]}
    %m = max_pool(%x) {kernel=[2,1,1], stride=[1,1,1], padding=[0,0,0], dilation=[1,1,1]}
    %a : q(0.5, 0) = avg_pool(%x) {kernel=[3,1,2], stride=[1,1,2], padding=[1,0,0], count_include_pad=false}
    %g : q(0.5, 0) = adaptive_avg_pool(%x) {output_size=[2,1,1]}
    %k : q(0.5, 0) = reduce_mean(%x) {axes=[2,3,4], keep_dims=false}
  })", {u8({1, 1, 3, 1, 2}, {8, 9, 10, 11, 12, 13})});
  CHECK(to_doubles(y[0]) == std::vector<double>{12, 31, 51});  // 3·1 + 4·2, 1 + 2·2 + 3·3 + 4·4, 3 + 2·4 + 3·5 + 4·6, each + 1
  CHECK(to_doubles(y[1]) == std::vector<double>{10, 11, 12, 13});
  CHECK(to_doubles(y[2]) == std::vector<double>{5, 7, 9});  // means 2.5, 3.5, 4.5 of two, three and two frames
  CHECK(to_doubles(y[3]) == std::vector<double>{5, 9});     // two frames each
  CHECK(to_doubles(y[4]) == std::vector<double>{7});
}

TEST_CASE("dynamic linear takes its range from the row") {
  const std::string text = R"(module m (%x : f32[2,2]) -> (%y) {
    @w : s8[1,2] int8(axis 0, scales [0.5]) = [[2, -4]]
    @b : f32[1] = [1]
    %y = linear(%x, @w, @b) {dynamic="row"}
  })";
  // Row 0: range 0…255, scale 1: exact. Row 1: range −1…1.55, scale 0.01, zero point 100; −1 → 0, 1.55 → 255.
  const auto y = outputs_of(text, {f32({2, 2}, {255, 3, -1, 1.55f})});
  check_close(y[0], f32({2, 1}, {255 - 6 + 1, -1 - 3.1f + 1}), 1e-5);
}

TEST_CASE("a dynamic recurrent layer takes a range from each row of x and of the state") {
  const auto y = outputs_of(R"(module m (%x : f32[1,2,2]) -> (%y) {
    @w : s8[1,2] int8(axis 0, scales [0.5]) = [[2, -4]]
    @u : s8[1,1] int8(axis 0, scales [0.5]) = [[2]]
    %y, %h = rnn(%x, _, @w, @u) {hidden=1, batch_first=true, has_bias=false, activation="relu", dynamic="row"}
  })", {f32({1, 2, 2}, {255, 3.4F, -1, 1.55F})});
  // 3.4 becomes 3 in the range 0…255; −1 and 1.55 are the ends of theirs, and so is a state alone in its row.
  check_close(y[0], f32({1, 2, 1}, {255 - 6, 249 - 1 - 3.1F}), 1e-5);
}

// The same program with the floats that its integers stand for.
Module float_twin(Module m) {
  for (auto& [name, weight] : m.weights) {
    if (weight.encoding.kind != Encoding::Kind::kInt) continue;
    weight = {decode(weight).value()};
    m.value(m.find_value(name)).type = type_of(weight);
  }
  for (const NodeId id : m.order()) m.node(id).attrs["dynamic"] = std::string();
  REQUIRE(m.infer_types());
  return m;
}

// One feature and one unit: a row's only number is an end of its range, so that int8 weights give what the floats they stand for give.
TEST_CASE("dynamic lstm, gru and rnn are the float ones where rows have one number") {
  const std::string weights4 = R"(
    @w : s8[4,1] int8(axis 0, scales [0.01, 0.02, 0.01, 0.03]) = [[100], [-50], [127], [7]]
    @u : s8[4,1] int8(axis 0, scales [0.02, 0.01, 0.01, 0.01]) = [[-90], [31], [0], [64]]
    @b : f32[4] = [0.1, -0.2, 0.3, 1]
    @c : f32[4] = [0, 0.25, -0.5, 0.2])", weights3 = R"(
    @w : s8[3,1] int8(axis 0, scales [0.01, 0.02, 0.01]) = [[100], [-50], [127]]
    @u : s8[3,1] int8(axis 0, scales [0.02, 0.01, 0.01]) = [[-90], [31], [64]]
    @b : f32[3] = [0.1, -0.2, 0.3]
    @c : f32[3] = [0, 0.25, -0.5])";
  const std::string texts[] = {"module m (%x : f32[3,2,1], %s : f32[2,2,1]) -> (%y, %h, %z) {" + weights4 + R"(
    %y, %h, %z = lstm(%x, %s, %s, @w, @u, @b, @c, @w, @u, @c, @b) {hidden=1, layers=2, dynamic="row"} })",
                               "module m (%x : f32[3,2,1], %s : f32[2,2,1]) -> (%y, %h) {" + weights3 + R"(
    %y, %h = gru(%x, %s, @w, @u, @b, @c, @u, @w, @c, @b) {hidden=1, bidirectional=true, dynamic="row"} })",
                               R"(module m (%x : f32[3,2,1], %s : f32[1,3,1]) -> (%y, %h) {
    @w : s8[1,1] int8(axis 0, scales [0.01]) = [[100]]
    @u : s8[1,1] int8(axis 0, scales [0.02]) = [[-90]]
    %y, %h = rnn(%x, %s, @w, @u) {hidden=1, has_bias=false, batch_first=true, dynamic="row"} })"};
  for (const std::string& text : texts) {
    const Module m = module_of(text), twin = float_twin(m);
    const bool rnn = &text == &texts[2];
    const std::vector<Tensor> inputs{f32({3, 2, 1}, {1, -2, 0, 0.5F, -0.25F, 3}), rnn ? f32({1, 3, 1}, {0.5F, -0.75F, 0}) : f32({2, 2, 1}, {0.5F, -0.75F, 0, 0.125F})};
    const auto found = Evaluator::prepare(m)->run(inputs).value(), expected = Evaluator::prepare(twin)->run(inputs).value();
    for (size_t i = 0; i < expected.size(); ++i) check_close(found[i], expected[i], 1e-5);
  }
}

TEST_CASE("16 bits: sums beyond 32 bits are exact, under weights of 8 and of 16 bits") {
  // 3 inputs of ±32767 under a weight of 16 bits leave 2^31; acc·m = 0.5 is a tie.
  const auto y = outputs_of(R"(module m (%x : s16[2,3] q(0.5, 0, 16)) -> (%wide, %f, %byte) {
    @w : s16[1,3] int16(axis 0, scales [0.00001]) = [[32767, -32767, 1]]
    @v : s8[1,3] int8(axis 0, scales [0.25]) = [[1, 2, -127]]
    @b : i32[1] = [7]
    %wide : q(10, 0, 16) = linear(%x, @w, @b)
    %f = linear(%x, @w, @b)
    %byte : q(0.125, 0, 16) = linear(%x, @v, @b) {activation="relu"}
  })", {Tensor::of<int16_t>({2, 3}, {32767, -32767, -32767, 1, 2, 3})});
  const auto acc = [](int64_t a, int64_t b, int64_t c) { return static_cast<float>(a * 32767 - b * 32767 + c + 7); };
  const auto m = [](float scale, double y_scale) { return static_cast<float>(0.5 * double(scale) / y_scale); };
  CHECK(to_doubles(y[0]) == std::vector<double>{std::nearbyint(acc(32767, -32767, -32767) * m(0.00001F, 10)), 0});
  CHECK(to_doubles(y[1]) == std::vector<double>{acc(32767, -32767, -32767) * static_cast<float>(0.5 * double(0.00001F)), acc(1, 2, 3) * static_cast<float>(0.5 * double(0.00001F))});
  CHECK(to_doubles(y[2]) == std::vector<double>{32767, 0});  // 4128649 is cut off; 1 + 4 − 381 + 7 < 0
  CHECK(y[0].dtype() == DType::kS16);
}

TEST_CASE("16 bits: relu, clip, pad and concat") {
  const auto y = outputs_of(R"(module m (%a : s16[1,4] q(0.5, 0, 16), %b : s16[1,3] q(0.75, 0, 16)) -> (%r, %c, %p, %q, %j, %s) {
    %r = relu(%a)
    %c = clip(%a) {lo=-1.25, hi=6.0}
    %p = pad(%a) {padding=[0,1,0,2], value=-3.0}
    %q = pad(%a) {padding=[0,0,0,1], value=100000.0}
    %j : q(0.5, 0, 16) = concat(%a, %b) {axis=1}
    %s : q(0.5, 0, 16) = concat(%a, %a) {axis=1} })", {Tensor::of<int16_t>({1, 4}, {-32767, -3, 12, 32767}), Tensor::of<int16_t>({1, 3}, {1, 3, -32767})});
  for (const Tensor& t : y) CHECK(t.dtype() == DType::kS16);
  CHECK(to_doubles(y[0]) == std::vector<double>{0, 0, 12, 32767});
  CHECK(to_doubles(y[1]) == std::vector<double>{-2, -2, 12, 12});  // −1.25/0.5 is a tie
  CHECK(to_doubles(y[2]) == std::vector<double>{-6, -32767, -3, 12, 32767, -6, -6});
  CHECK(to_doubles(y[3]) == std::vector<double>{-32767, -3, 12, 32767, 32767});
  CHECK(to_doubles(y[4]) == std::vector<double>{-32767, -3, 12, 32767, 2, 4, -32767});  // 1.5 and 4.5 are ties; −49150.5 is cut off
  CHECK(to_doubles(y[5]) == std::vector<double>{-32767, -3, 12, 32767, -32767, -3, 12, 32767});
}

TEST_CASE("16 bits: quantize, add, pooling and the mean") {
  const auto y = outputs_of(R"(module m (%x : f32[1,1,2,2], %b : s16[1,1,2,2] q(0.25, 0, 16)) -> (%q, %s, %m, %v, %g, %k, %d) {
    %q : q(0.5, 0, 16) = quantize(%x)
    %s : q(0.5, 0, 16) = add(%q, %b)
    %m = max_pool(%q) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1]}
    %v : q(0.25, 0, 16) = avg_pool(%q) {kernel=[1,2], stride=[1,2], padding=[0,0]}
    %g : q(0.5, 0, 16) = adaptive_avg_pool(%q) {output_size=[1,1]}
    %k : q(0.5, 0, 16) = reduce_mean(%q) {axes=[2,3], keep_dims=false}
    %d = dequantize(%s)
  })", {f32({1, 1, 2, 2}, {-0.25F, 0.75F, 100000, -3}), Tensor::of<int16_t>({1, 1, 2, 2}, {1, 3, 32767, -32767})});
  CHECK(to_doubles(y[0]) == std::vector<double>{0, 2, 32767, -6});
  CHECK(to_doubles(y[1]) == std::vector<double>{0, 4, 32767, -16390});  // 0 + 0.5 and 2 + 1.5 are ties
  CHECK(to_doubles(y[2]) == std::vector<double>{32767});
  CHECK(to_doubles(y[3]) == std::vector<double>{2, 32761});
  CHECK(to_doubles(y[4]) == std::vector<double>{8191});  // 32763 / 4 = 8190.75
  CHECK(to_doubles(y[5]) == std::vector<double>{8191});
  CHECK(to_doubles(y[6]) == std::vector<double>{0, 2, 16383.5, -8195});
}
