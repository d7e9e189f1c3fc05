// Each op on numbers that a reader can check by hand.
#include "tests/engine/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// One node on the inputs given, f32 unless said.
void check_op(const std::string& header, const std::string& node, const std::vector<Tensor>& inputs, const Tensor& expected) {
  CAPTURE(node);
  const auto outputs = outputs_of("module m (" + header + ") -> (%y) { %y = " + node + " }", inputs);
  check_close(outputs.at(0), expected);
}

}  // namespace

TEST_CASE("convolution pads each side as told, adds residual and activation") {
  const std::string text = R"(module m (%x : f32[1,1,2,2], %r : f32[1,1,2,3]) -> (%y) {
    @w : f32[1,1,2,2] = [[[[1, 2], [3, 4]]]]
    @b : f32[1] = [0.5]
    %y = conv(%x, @w, @b, %r) {stride=[1,1], padding=[0,1,1,1], dilation=[1,1], activation="clip", lo=0.0, hi=28.0}
  })";
  // Zeros: 1 column on either side, 1 row below.
  const auto y = outputs_of(text, {f32({1, 1, 2, 2}, {1, 2, 3, 4}), f32({1, 1, 2, 3}, {0, 0, 0, 100, -100, 0})});
  REQUIRE(y[0].shape() == std::vector<int64_t>{1, 1, 2, 3});
  const std::vector<double> v = to_doubles(y[0]);
  CHECK(v[0] == 14.5);   // 2·1 + 4·3 + 0.5
  CHECK(v[1] == 28);     // 1 + 4 + 9 + 16 + 0.5, cut
  CHECK(v[2] == 14.5);   // 1·2 + 3·4 + 0.5
  CHECK(v[3] == 28);     // 2·3 + 0.5 + 100, cut
  CHECK(v[4] == 0);      // 1·3 + 2·4 + 0.5 − 100, cut
  CHECK(v[5] == 4.5);    // 1·4 + 0.5
}

TEST_CASE("convolution, pooling and batch norm over three axes") {
  // Three frames of two pixels; the window sees the frame before (zeros before the first) and this one.
  const auto y = outputs_of(R"(module m (%x : f32[1,1,3,1,2]) -> (%y, %n) {
    @w : f32[1,1,2,1,2] = [[[[[1, 10]], [[100, 1000]]]]]
    @b : f32[1] = [0.5]
    @mean : f32[1] buffer = [1]
    @var : f32[1] buffer = [4]
    %y = conv(%x, @w, @b) {stride=[1,1,1], padding=[1,0,0,0,0,0], dilation=[1,1,1]}
    %n = batch_norm(%x, _, _, @mean, @var) {eps=0.0}
  })", {f32({1, 1, 3, 1, 2}, {1, 2, 3, 4, 5, 6})});
  check_close(y[0], f32({1, 1, 3, 1, 1}, {2100.5f, 4321.5f, 6543.5f}));
  check_close(y[1], f32({1, 1, 3, 1, 2}, {0, 0.5f, 1, 1.5f, 2, 2.5f}));
  const Tensor x = f32({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 12});
  check_op("%x : f32[1,1,2,2,2]", "max_pool(%x) {kernel=[2,1,2], stride=[1,1,1], padding=[0,0,0], dilation=[1,1,1]}", {x}, f32({1, 1, 1, 2, 1}, {6, 12}));
  check_op("%x : f32[1,1,2,2,2]", "avg_pool(%x) {kernel=[2,2,2], stride=[2,2,2], padding=[0,0,0]}", {x}, f32({1, 1, 1, 1, 1}, {5}));
  check_op("%x : f32[1,1,2,2,2]", "adaptive_avg_pool(%x) {output_size=[2,1,1]}", {x}, f32({1, 1, 2, 1, 1}, {2.5f, 7.5f}));
}

TEST_CASE("linear, matmul, batch norm, norms") {
  const Tensor x = f32({1, 2}, {1, 2});
  const auto y = outputs_of(R"(module m (%x : f32[1,2]) -> (%y, %n, %l, %r) {
    @w : f32[2,2] = [[1, 2], [3, 4]]
    @b : f32[2] = [10, -20]
    @mean : f32[2] buffer = [1, 0]
    @var : f32[2] buffer = [4, 1]
    @g : f32[2] = [2, 3]
    %y = linear(%x, @w, @b) {activation="relu"}
    %n = batch_norm(%x, @g, @b, @mean, @var) {eps=0.0}
    %l = layer_norm(%x, @g, @b) {axes=1, eps=0.0}
    %r = rms_norm(%x, @g) {eps=0.0}
  })", {x});
  check_close(y[0], f32({1, 2}, {15, 0}));
  check_close(y[1], f32({1, 2}, {10, -14}));
  check_close(y[2], f32({1, 2}, {8, -17}));
  const float rms = std::sqrt(2.5f);
  check_close(y[3], f32({1, 2}, {2 / rms, 6 / rms}));
  check_op("%a : f32[2,2], %b : f32[2,2]", "matmul(%a, %b) {transpose_b=true}", {f32({2, 2}, {1, 2, 3, 4}), f32({2, 2}, {1, 0, 0, 2})},
           f32({2, 2}, {1, 4, 3, 8}));
}

TEST_CASE("elementwise ops") {
  const Tensor x = f32({3}, {-2, 0, 1.5f});
  const auto unary = [&](const std::string& op, std::initializer_list<float> expected, const std::string& attrs = "") {
    check_op("%x : f32[3]", op + "(%x)" + attrs, {x}, f32({3}, expected));
  };
  unary("relu", {0, 0, 1.5f});
  unary("clip", {-1, 0, 1}, " {lo=-1.0, hi=1.0}");
  unary("neg", {2, 0, -1.5f});
  unary("abs", {2, 0, 1.5f});
  unary("floor", {-2, 0, 1});
  unary("hard_sigmoid", {1 / 6.0f, 0.5f, 0.75f});
  unary("hard_swish", {-2 / 6.0f, 0, 1.125f});
  unary("leaky_relu", {-0.2f, 0, 1.5f}, " {slope=0.1}");
  unary("elu", {static_cast<float>(2 * std::expm1(-2.0)), 0, 1.5f}, " {alpha=2.0}");
  unary("sigmoid", {0.1192029f, 0.5f, 0.8175745f});
  unary("silu", {-0.2384058f, 0, 1.2263618f});
  unary("tanh", {-0.9640276f, 0, 0.9051483f});
  unary("gelu", {-0.0455003f, 0, 1.3997892f});
  unary("gelu_tanh", {-0.0454023f, 0, 1.3995715f});
  unary("softplus", {0.1269280f, 0.6931472f, 1.7014133f});
  unary("exp", {0.1353353f, 1, 4.4816891f});
  unary("erf", {-0.9953223f, 0, 0.9661051f});
  unary("sin", {-0.9092974f, 0, 0.9974950f});
  unary("cos", {-0.4161468f, 1, 0.0707372f});
  const Tensor p = f32({2}, {4, 0.25f});
  check_op("%x : f32[2]", "sqrt(%x)", {p}, f32({2}, {2, 0.5f}));
  check_op("%x : f32[2]", "rsqrt(%x)", {p}, f32({2}, {0.5f, 2}));
  check_op("%x : f32[2]", "reciprocal(%x)", {p}, f32({2}, {0.25f, 4}));
  check_op("%x : f32[2]", "log(%x)", {p}, f32({2}, {1.3862944f, -1.3862944f}));
}

TEST_CASE("binary ops broadcast") {
  const Tensor a = f32({2, 1}, {6, -3}), b = f32({2}, {2, 3});
  const auto binary = [&](const std::string& op, std::initializer_list<float> expected) {
    check_op("%a : f32[2,1], %b : f32[2]", op + "(%a, %b)", {a, b}, f32({2, 2}, expected));
  };
  binary("add", {8, 9, -1, 0});
  binary("sub", {4, 3, -5, -6});
  binary("mul", {12, 18, -6, -9});
  binary("div", {3, 2, -1.5f, -1});
  binary("pow", {36, 216, 9, -27});
  binary("minimum", {2, 3, -3, -3});
  binary("maximum", {6, 6, 2, 3});
  const auto compare = [&](const std::string& op, std::initializer_list<float> expected) {
    const auto y = outputs_of("module m (%a : f32[2,1], %b : f32[2]) -> (%y) { %c = " + op + "(%a, %b) %y = cast(%c) {dtype=\"f32\"} }", {a, b});
    CAPTURE(op);
    check_close(y[0], f32({2, 2}, expected));
  };
  compare("gt", {1, 1, 0, 0});
  compare("le", {0, 0, 1, 1});
  compare("ne", {1, 1, 1, 1});
}

TEST_CASE("pooling and reductions") {
  const Tensor x = f32({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  check_op("%x : f32[1,1,2,3]", "max_pool(%x) {kernel=[2,2], stride=[1,1], padding=[0,0], dilation=[1,1]}", {x}, f32({1, 1, 1, 2}, {5, 6}));
  check_op("%x : f32[1,1,2,3]", "avg_pool(%x) {kernel=[2,2], stride=[1,1], padding=[0,0]}", {x}, f32({1, 1, 1, 2}, {3, 4}));
  check_op("%x : f32[1,1,2,3]", "adaptive_avg_pool(%x) {output_size=[1,1]}", {x}, f32({1, 1, 1, 1}, {3.5f}));
  check_op("%x : f32[1,1,2,3]", "reduce_mean(%x) {axes=[2,3], keep_dims=false}", {x}, f32({1, 1}, {3.5f}));
  check_op("%x : f32[1,1,2,3]", "reduce_sum(%x) {axes=[3], keep_dims=true}", {x}, f32({1, 1, 2, 1}, {6, 15}));
  check_op("%x : f32[1,1,2,3]", "reduce_max(%x) {axes=[2], keep_dims=false}", {x}, f32({1, 1, 3}, {4, 5, 6}));
  check_op("%x : f32[1,1,2,3]", "reduce_min(%x) {axes=[2,3], keep_dims=false}", {x}, f32({1, 1}, {1}));
}

TEST_CASE("moving elements") {
  const Tensor x = f32({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string in = "%x : f32[2,3]";
  check_op(in, "reshape(%x) {shape=[3,2]}", {x}, f32({3, 2}, {1, 2, 3, 4, 5, 6}));
  check_op(in, "permute(%x) {perm=[1,0]}", {x}, f32({3, 2}, {1, 4, 2, 5, 3, 6}));
  check_op(in, "slice(%x) {axis=1, start=0, end=3, step=2}", {x}, f32({2, 2}, {1, 3, 4, 6}));
  check_op(in, "pad(%x) {padding=[0,1,1,0], value=9.0}", {x}, f32({3, 4}, {9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9}));
  check_op(in, "concat(%x, %x) {axis=0}", {x}, f32({4, 3}, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}));
  check_op("%x : f32[2,1]", "expand(%x) {shape=[2,2]}", {f32({2, 1}, {1, 2})}, f32({2, 2}, {1, 1, 2, 2}));
  check_op(in, "cumsum(%x) {axis=1}", {x}, f32({2, 3}, {1, 3, 6, 4, 9, 15}));
  check_op("%x : f32[2,3], %i : i64[1,2]", "index_select(%x, %i) {axis=1}", {x, i64({1, 2}, {2, 0})}, f32({2, 1, 2}, {3, 1, 6, 4}));
  check_op("%x : f32[2,3], %i : i64[2,1]", "gather(%x, %i) {axis=1}", {x, i64({2, 1}, {2, 0})}, f32({2, 1}, {3, 4}));
  check_op("%i : i64[2]", "embedding(@t, %i) @t : f32[2,2] = [[1, 2], [3, 4]]", {i64({2}, {1, 0})}, f32({2, 2}, {3, 4, 1, 2}));
  check_op("%x : f32[1,1,2,2]", "resize(%x) {size=[4,2], mode=\"nearest\"}", {f32({1, 1, 2, 2}, {1, 2, 3, 4})}, f32({1, 1, 4, 2}, {1, 2, 1, 2, 3, 4, 3, 4}));
  check_op(in, "softmax(%x) {axis=0}", {x}, f32({2, 3}, {0.04742587f, 0.04742587f, 0.04742587f, 0.95257413f, 0.95257413f, 0.95257413f}));
}

// The places as floats: ties in their order, NaN the largest.
TEST_CASE("the order of elements") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = f32({2, 4}, {2, -1, 2, nan, 0, 0, -3, 7});
  check_op("%x : f32[2,4]", "argsort(%x)", {x}, i64({2, 4}, {1, 0, 2, 3, 2, 0, 1, 3}));
  check_op("%x : f32[2,4]", "argsort(%x) {descending=true}", {x}, i64({2, 4}, {3, 0, 2, 1, 3, 0, 1, 2}));
}

TEST_CASE("sizes that depend on the batch") {
  const std::string text = R"(module m (%x : f32[N,2,2]) -> (%y) symbols N in [1, 8] {
    %y = reshape(%x) {shape=[2*N, 2]}
  })";
  const Tensor x = f32({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  check_close(outputs_of(text, {x})[0], x.reshaped({4, 2}));
}

TEST_CASE("attention and lstm") {
  // Equal scores: the mean of the values; causal: the first row sees the first value only.
  check_op("%q : f32[1,1,2,1], %v : f32[1,1,2,1]", "attention(%q, %q, %v) {causal=true, scale=1.0}",
           {f32({1, 1, 2, 1}, {0, 0}), f32({1, 1, 2, 1}, {1, 3})}, f32({1, 1, 2, 1}, {1, 2}));
  // Zero weights: gates are sigmoid(bias), so c = σ(0)·tanh(bias_g), h = σ(0)·tanh(c).
  const auto y = outputs_of(R"(module m (%x : f32[1,2,1]) -> (%y) {
    @ih : f32[4,1] = zeros
    @hh : f32[4,1] = zeros
    @bi : f32[4] = [0, 0, 1, 0]
    @bh : f32[4] = zeros
    %y, %h, %c = lstm(%x, _, _, @ih, @hh, @bi, @bh) {hidden=1, layers=1, bidirectional=false, batch_first=true, has_bias=true}
  })", {f32({1, 2, 1}, {5, -5})});
  const double c1 = 0.5 * std::tanh(1.0), c2 = 0.5 * c1 + c1;
  check_close(y[0], f32({1, 2, 1}, {static_cast<float>(0.5 * std::tanh(c1)), static_cast<float>(0.5 * std::tanh(c2))}));
}

TEST_CASE("gru and rnn") {
  // Two steps by hand: no input weights, so that each gate is its biases and U·h.
  const auto y = outputs_of(R"(module m (%x : f32[1,2,1]) -> (%g, %r) {
    @ih : f32[3,1] = [[0], [0], [1]]
    @hh : f32[3,1] = [[0], [0], [2]]
    @bi : f32[3] = zeros
    @bh : f32[3] = [0, 0, 1]
    @wi : f32[1,1] = [[1]]
    @wh : f32[1,1] = [[0.5]]
    %g, %gh = gru(%x, _, @ih, @hh, @bi, @bh) {hidden=1, batch_first=true}
    %r, %rh = rnn(%x, _, @wi, @wh) {hidden=1, batch_first=true, has_bias=false, activation="relu"}
  })", {f32({1, 2, 1}, {3, -1})});
  // r = z = 1/2: n = tanh(x + (2h + 1)/2), h' = (n + h)/2.
  const double h1 = 0.5 * std::tanh(3.5), h2 = 0.5 * (std::tanh(-1 + 0.5 * (2 * h1 + 1)) + h1);
  check_close(y[0], f32({1, 2, 1}, {static_cast<float>(h1), static_cast<float>(h2)}));
  check_close(y[1], f32({1, 2, 1}, {3, 0.5f}));
}

TEST_CASE("group norm") {
  // Group 0 holds 1 and 3: -1 and 1; group 1 holds 5 and 9: -1 and 1.
  check_op("%x : f32[1,4]", "group_norm(%x, @g, @b) {groups=2, eps=0.0} @g : f32[4] = [1, 2, 3, 4] @b : f32[4] = [0, 10, 20, 30]",
           {f32({1, 4}, {1, 3, 5, 9})}, f32({1, 4}, {-1, 12, 17, 34}));
}
