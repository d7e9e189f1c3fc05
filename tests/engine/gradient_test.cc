// Gradients of every differentiable evaluation against central differences, in double.
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include "base/random.h"
#include "engine/autograd.h"
#include "tests/engine/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

at::Tensor random_doubles(at::IntArrayRef shape, uint64_t seed, double low, double high) {
  Random random(seed);
  std::vector<double> values;
  for (int64_t i = 0, n = c10::multiply_integers(shape); i < n; ++i) values.push_back(random.uniform(low, high));
  return at::from_blob(values.data(), shape, at::TensorOptions(at::kDouble)).clone();
}

struct Case {
  const char* text;       // every input and weight is a variable
  double low = -1, high = 1;
  engine::Mode mode = engine::Mode::kTrainFrozen;
};

void check_gradients(const Case& c) {
  INFO(c.text);
  set_engine_threads(1);  // thousands of evaluations of a handful of numbers
  const Module m = module_of(c.text);
  auto plan = engine::Plan::prepare(m, c.mode);
  if (!plan) FAIL(plan.error().message);
  std::vector<at::Tensor> inputs, leaves;
  uint64_t seed = 1;
  for (const ValueId id : m.inputs) {
    const auto shape = evaluate_shape(m.value(id).type.shape, {});
    inputs.push_back(random_doubles(*shape, ++seed, c.low, c.high).set_requires_grad(true));
    leaves.push_back(inputs.back());
  }
  for (const auto& [name, weight] : m.weights) {
    if (weight.data.dtype() != DType::kF32) continue;
    at::Tensor w = weight.trainable ? random_doubles(weight.data.shape(), ++seed, c.low, c.high).set_requires_grad(true)
                                    : wrap(weight.data).to(at::kDouble).clone();
    plan->set_weight(name, w);
    if (weight.trainable) leaves.push_back(w);
  }
  const auto value = [&] {
    const auto outputs = plan->run(inputs);
    if (!outputs) FAIL(outputs.error().message);
    at::Tensor sum;
    uint64_t s = 100;
    for (const at::Tensor& y : *outputs) {
      const at::Tensor term = y.mul(random_doubles(y.sizes(), ++s, -1, 1)).sum();
      sum = sum.defined() ? sum.add(term) : term;
    }
    return sum;
  };
  {
    const c10::AutoGradMode on(true);
    value().backward();
  }
  const c10::AutoGradMode off(false);
  constexpr double kStep = 1e-5;
  for (const at::Tensor& leaf : leaves) {
    REQUIRE(leaf.grad().defined());
    const at::Tensor grad = leaf.grad().contiguous();
    double* x = leaf.detach().mutable_data_ptr<double>();
    for (int64_t i = 0; i < leaf.numel(); ++i) {
      const double kept = x[i];
      x[i] = kept + kStep;
      const double above = value().item<double>();
      x[i] = kept - kStep;
      const double below = value().item<double>();
      x[i] = kept;
      const double expected = (above - below) / (2 * kStep), found = grad.const_data_ptr<double>()[i];
      CAPTURE(i, expected, found);
      CHECK(std::abs(expected - found) <= 1e-6 * std::max(1.0, std::abs(expected)));
    }
  }
}

}  // namespace

TEST_CASE("gradients of products") {
  for (const char* activation : {"none", "relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "hard_swish"}) {
    const std::string conv = fmt::format(R"(module m (%x : f32[2,4,5,3], %r : f32[2,2,3,3]) -> (%y) {{
      @w : f32[2,2,3,2] = zeros
      @b : f32[2] = zeros
      %y = conv(%x, @w, @b, %r) {{stride=[2,1], padding=[1,0,1,1], dilation=[1,1], groups=2, activation="{}"}} }})", activation);
    check_gradients({conv.c_str()});
    const std::string linear = fmt::format(R"(module m (%x : f32[2,3], %r : f32[2,2]) -> (%y) {{
      @w : f32[2,3] = zeros
      @b : f32[2] = zeros
      %y = linear(%x, @w, @b, %r) {{activation="{}"}} }})", activation);
    check_gradients({linear.c_str()});
  }
  check_gradients({"module m (%x : f32[2,3,7]) -> (%y) { @w : f32[4,3,2] = zeros %y = conv(%x, @w) {stride=[2], padding=[1,1], dilation=[1]} }"});
  check_gradients({R"(module m (%x : f32[1,4,3,3,2]) -> (%y) { @w : f32[2,2,2,2,1] = zeros @b : f32[2] = zeros
    %y = conv(%x, @w, @b) {stride=[1,2,1], padding=[1,0,0,0,1,0], dilation=[2,1,1], groups=2} })"});
  check_gradients({R"(module m (%x : f32[1,2,3,3]) -> (%y) { @w : f32[2,2,2,2] = zeros @b : f32[2] = zeros
    %y = conv_transpose(%x, @w, @b) {stride=[2,2], padding=[1,0], output_padding=[1,0], dilation=[1,1]} })"});
  check_gradients({"module m (%a : f32[2,2,3], %b : f32[2,4,3]) -> (%y) { %y = matmul(%a, %b) {transpose_b=true} }"});
  check_gradients({"module m (%q : f32[1,2,3,2], %k : f32[1,2,3,2], %v : f32[1,2,3,2]) -> (%y) { %y = attention(%q, %k, %v) {causal=true, scale=0.7} }"});
  check_gradients({R"(module m (%x : f32[2,3,2]) -> (%y) {
    @ih : f32[8,2] = zeros
    @hh : f32[8,2] = zeros
    @bi : f32[8] = zeros
    @bh : f32[8] = zeros
    %y, %h, %c = lstm(%x, _, _, @ih, @hh, @bi, @bh) {hidden=2, layers=1, bidirectional=false, batch_first=true, has_bias=true} })"});
}

TEST_CASE("gradients of norms") {
  const char* batch_norm = R"(module m (%x : f32[3,2,2,2]) -> (%y) {
    @g : f32[2] = zeros
    @b : f32[2] = zeros
    @mean : f32[2] buffer = [0.1, -0.2]
    @var : f32[2] buffer = [0.5, 2]
    %y = batch_norm(%x, @g, @b, @mean, @var) {eps=0.001, momentum=0.0} })";
  check_gradients({batch_norm});
  check_gradients({batch_norm, -1, 1, engine::Mode::kTrain});
  check_gradients({"module m (%x : f32[3,4]) -> (%y) { @g : f32[4] = zeros @b : f32[4] = zeros %y = layer_norm(%x, @g, @b) {axes=1, eps=0.001} }"});
  check_gradients({"module m (%x : f32[3,4]) -> (%y) { @g : f32[4] = zeros %y = rms_norm(%x, @g) {eps=0.001} }"});
}

TEST_CASE("gradients of elementwise ops") {
  for (const char* op : {"relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "hard_swish", "hard_sigmoid", "exp", "neg", "abs", "erf", "sin", "cos", "softplus"})
    check_gradients({fmt::format("module m (%x : f32[7]) -> (%y) {{ %y = {}(%x) }}", op).c_str()});
  for (const char* op : {"log", "sqrt", "rsqrt", "reciprocal"})
    check_gradients({fmt::format("module m (%x : f32[7]) -> (%y) {{ %y = {}(%x) }}", op).c_str(), 0.5, 2});
  check_gradients({"module m (%x : f32[7]) -> (%y) { %y = clip(%x) {lo=-0.5, hi=0.5} }"});
  check_gradients({"module m (%x : f32[7]) -> (%y) { %y = leaky_relu(%x) {slope=0.1} }"});
  check_gradients({"module m (%x : f32[7]) -> (%y) { %y = elu(%x) {alpha=1.5} }"});
  for (const char* op : {"add", "sub", "mul", "div", "pow", "minimum", "maximum"})
    check_gradients({fmt::format("module m (%a : f32[3,1], %b : f32[2]) -> (%y) {{ %y = {}(%a, %b) }}", op).c_str(), 0.5, 2});
  check_gradients({"module m (%a : f32[4], %b : f32[4]) -> (%y) { @z : f32[4] buffer = [0, 1, 0, 1] @h : f32[4] buffer = full(0.5) %c = gt(@z, @h) %y = where(%c, %a, %b) }"});
}

TEST_CASE("gradients of pooling, reductions and movement") {
  check_gradients({"module m (%x : f32[1,2,4,4]) -> (%y) { %y = max_pool(%x) {kernel=[2,2], stride=[1,2], padding=[1,0], dilation=[1,1]} }"});
  check_gradients({"module m (%x : f32[1,2,4,4]) -> (%y) { %y = avg_pool(%x) {kernel=[2,2], stride=[1,2], padding=[1,0]} }"});
  check_gradients({"module m (%x : f32[1,2,5,4]) -> (%y) { %y = adaptive_avg_pool(%x) {output_size=[2,3]} }"});
  check_gradients({"module m (%x : f32[1,2,3,2,2]) -> (%y) { %y = max_pool(%x) {kernel=[2,2,1], stride=[1,1,1], padding=[1,0,0], dilation=[1,1,1]} }"});
  check_gradients({"module m (%x : f32[1,2,3,2,2]) -> (%y) { %y = avg_pool(%x) {kernel=[2,2,1], stride=[1,1,1], padding=[1,0,0]} }"});
  check_gradients({"module m (%x : f32[1,2,3,2,2]) -> (%y) { %y = adaptive_avg_pool(%x) {output_size=[2,1,2]} }"});
  for (const char* op : {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min"})
    check_gradients({fmt::format("module m (%x : f32[2,3,2]) -> (%y) {{ %y = {}(%x) {{axes=[0,2], keep_dims=false}} }}", op).c_str()});
  check_gradients({"module m (%x : f32[2,3]) -> (%y) { %y = softmax(%x) {axis=1} }"});
  check_gradients({"module m (%x : f32[2,3]) -> (%y) { %y = log_softmax(%x) {axis=0} }"});
  check_gradients({"module m (%x : f32[2,3]) -> (%y) { %y = cumsum(%x) {axis=1} }"});
  check_gradients({R"(module m (%x : f32[2,3], %z : f32[2,1]) -> (%y) {
    %a = reshape(%x) {shape=[3,2]}
    %b = permute(%a) {perm=[1,0]}
    %c = slice(%b) {axis=1, start=0, end=3, step=2}
    %d = pad(%c) {padding=[0,1,1,0], value=0.0}
    %e = expand(%z) {shape=[2,4]}
    %f = pad(%e) {padding=[1,0,0,0], value=0.0}
    %y = concat(%d, %f) {axis=1} })"});
  check_gradients({"module m (%x : f32[1,1,2,3]) -> (%y) { %y = resize(%x) {size=[4,5], mode=\"bilinear\", align_corners=false} }"});
  check_gradients({"module m (%x : f32[1,1,2,3]) -> (%y) { %y = resize(%x) {size=[4,5], mode=\"nearest\"} }"});
  check_gradients({"module m (%x : f32[2,3]) -> (%y) { @i : i64[2,2] buffer = [[2, 0], [1, 1]] %g = gather(%x, @i) {axis=1} %t = index_select(%x, @i) {axis=1} %r = reshape(%t) {shape=[2,4]} %y = concat(%g, %r) {axis=1} }"});
  check_gradients({"module m (%z : f32[1]) -> (%y, %z2) { @t : f32[3,2] = zeros @i : i64[3] buffer = [2, 0, 2] %y = embedding(@t, @i) %z2 = neg(%z) }"});
}
