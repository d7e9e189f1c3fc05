// Rounding with a gradient, and integer programs trained through it.
#include "engine/fake_quantize.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/round.h>
#include <c10/core/GradMode.h>

#include "engine/autograd.h"
#include "engine/train.h"
#include "engine/training/trainee.h"
#include "ir/multiples.h"
#include "tests/engine/toy_data.h"

using namespace fastc;
using namespace fastc::test;

namespace {

at::Tensor doubles(at::IntArrayRef shape, std::vector<double> values) {
  return at::from_blob(values.data(), shape, at::TensorOptions(at::kDouble)).clone();
}

std::vector<double> list(const at::Tensor& t) {
  const at::Tensor dense = t.detach().to(at::kDouble).contiguous();
  return {dense.const_data_ptr<double>(), dense.const_data_ptr<double>() + dense.numel()};
}

engine::FakeQuantize one_step(double step, int32_t zero_point, int32_t low, int32_t high) {
  return {at::full({1}, step, at::TensorOptions(at::kFloat)), doubles({1}, {0}).set_requires_grad(true), zero_point, low, high};
}

// The same from LibTorch's own ops: rounding is taken off and put back without gradient.
at::Tensor reference(const engine::FakeQuantize& f, const at::Tensor& x) {
  std::vector<int64_t> shape{f.step.numel()};
  shape.resize(static_cast<size_t>(x.dim()), 1);
  const at::Tensor s = f.log_factor.exp().mul(f.step.to(at::kDouble)).reshape(f.step.numel() == 1 ? std::vector<int64_t>{} : shape);
  const at::Tensor cut = at::clamp(x.div(s), f.low - f.zero_point, f.high - f.zero_point);
  return cut.add(at::round(cut).sub(cut).detach()).mul(s);
}

// An integer program small enough to check by hand: q = x / 0.5, y = w·q̂ + b.
constexpr const char* kLinear = R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
  @w : s8[2,2] int3(axis 0, scales [0.5, 0.25]) = [[1, 2], [3, -2]]
  @b : i32[2] = [4, -8]
  %x.quantize : q(0.5, 0) = quantize(%x)
  %y = linear(%x.quantize, @w, @b) })";

// Groups of four and of sixteen inputs, whose scales are 1 to 4 times their channel's.
constexpr const char* kGroups = R"(module m (%x : f32[N,1,4,4]) -> (%scores) symbols N in [1, 4096] {
  @w1 : s8[2,1,3,3] int3(axis 0, group 4, scales [[0.1, 0.2, 0.3], [0.4, 0.1, 0.1]]) = [1,-2,3,0, 2,-3,1,0, 3, 3,-2,1,0, 0,2,3,1, -1]
  @b1 : i32[2] = [100, -20]
  @w2 : s8[2,32] int3(axis 0, group 16, scales [[0.05, 0.1], [0.2, 0.05]]) = [
    1,-2,3,0,1,-2,3,0,1,-2,3,0,1,-2,3,0, 1,-2,3,0,1,-2,3,0,1,-2,3,0,1,-2,3,0,
    1,-2,3,0,1,-2,3,0,1,-2,3,0,1,-2,3,0, 1,-2,3,0,1,-2,3,0,1,-2,3,0,1,-2,3,0]
  %x.quantize : q(0.0133, 128) = quantize(%x)
  %c : q(0.02, 0) = conv(%x.quantize, @w1, @b1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
  %f = reshape(%c) {shape=[N, 32]}
  %scores = linear(%f, @w2) })";

// Conv, residual and pool in u8, down to class scores.
constexpr const char* kNetwork = R"(module m (%x : f32[N,1,4,4]) -> (%scores) symbols N in [1, 4096] {
  @w1 : s8[4,1,3,3] int4(axis 0, scales [0.1, 0.1, 0.1, 0.1]) = [
    1,-2,3,-4,5,-6,7,0,1, 2,3,-4,0,1,-7,2,2,1, -1,-2,-3,4,5,6,0,0,1, 7,7,-7,0,2,-3,1,1,4]
  @b1 : i32[4] = [100, -20, 30, 0]
  @w2 : s8[4,4,1,1] int8(axis 0, scales [0.01, 0.01, 0.01, 0.01]) = [100,-20,30,4, 5,60,-70,8, 9,-10,110,12, 13,14,-15,96]
  @w3 : s8[2,64] int8(axis 0, scales [0.01, 0.01]) = random(5)
  @b3 : i32[2] = [10, -10]
  %x.quantize : q(0.0133, 128) = quantize(%x)
  %c : q(0.02, 0) = conv(%x.quantize, @w1, @b1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
  %d : q(0.03, 0) = conv(%c, @w2, _, %c) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="relu"}
  %f = reshape(%d) {shape=[N, 64]}
  %scores = linear(%f, @w3, @b3) })";

// Rows quantized at run time: every op that can, small.
constexpr const char* kDynamic = R"(module m (%x : f32[N,1,4,4]) -> (%scores) symbols N in [1, 4096] {
  @w1 : s8[4,1,3,3] int8(axis 0, scales [0.01, 0.01, 0.01, 0.01]) = random(1)
  @b1 : f32[4] = random(2)
  @w2 : s8[12,4] int8(axis 0, scales [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01]) = random(3)
  @u2 : s8[12,4] int8(axis 0, scales [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01]) = random(4)
  @w3 : s8[2,64] int8(axis 0, scales [0.01, 0.01]) = random(5)
  %c = conv(%x, @w1, @b1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu", dynamic="tensor"}
  %t = reshape(%c) {shape=[N, 16, 4]}
  %r, %h = gru(%t, _, @w2, @u2) {hidden=4, batch_first=true, has_bias=false, dynamic="row"}
  %f = reshape(%r) {shape=[N, 64]}
  %scores = linear(%f, @w3) {dynamic="row"} })";

// Weights kept in fewer bits than they are computed in: nine taps in groups of 4, 4 and 1, f16 beside bf16, 64 inputs in groups of 24, 24 and 16.
constexpr const char* kStored = R"(module m (%x : f32[N,1,4,4]) -> (%scores) symbols N in [1, 4096] {
  @w1 : s8[4,1,3,3] int8(axis 0, group 4, scales [[0.01, 0.02, 0.03], [0.01, 0.01, 0.01], [0.02, 0.01, 0.02], [0.01, 0.01, 0.04]]) = random(1)
  @b1 : f16[4] buffer = random(2)
  @w2 : f16[4,4,1,1] = random(3)
  @b2 : f32[4] = random(4)
  @w3 : bf16[4,4,1,1] = random(5)
  @w4 : s8[2,64] int4(axis 0, group 24, scales [[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]) = full(3)
  %b = cast(@b1) {dtype="f32"}
  %c = conv(%x, @w1, %b) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
  %d = conv(%c, @w2, @b2) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="relu"}
  %e = conv(%d, @w3) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="relu"}
  %f = reshape(%e) {shape=[N, 64]}
  %scores = linear(%f, @w4) })";

Tensor images(int64_t n) {
  std::vector<int64_t> indices(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) indices[static_cast<size_t>(i)] = i;
  return ToyData(n).batch(indices, nullptr)->inputs[0];
}

}  // namespace

TEST_CASE("fake quantization: literal values and gradients") {
  // Steps of 0.5, integers 0 … 7 with zero point 2: reals −1 … 2.5. Ties go to even.
  const engine::FakeQuantize f = one_step(0.5, 2, 0, 7);
  const at::Tensor x = doubles({6}, {-3, -1, 0.2, 0.25, 0.75, 9}).set_requires_grad(true);
  const c10::AutoGradMode on(true);
  const at::Tensor y = f(x);
  CHECK(list(y) == std::vector<double>{-1, -1, 0, 0, 1, 2.5});
  y.mul(doubles({6}, {1, 10, 100, 1000, 10000, 100000})).sum().backward();
  CHECK(list(x.grad()) == std::vector<double>{0, 10, 100, 1000, 10000, 0});
  // dy/ds: the bound outside (−2, 5), rne(v) − v inside (0, −0.4, −0.5, 0.5); times s
  CHECK(list(f.log_factor.grad())[0] == Approx(0.5 * (1 * -2 + 100 * -0.4 + 1000 * -0.5 + 10000 * 0.5 + 100000 * 5)));
}

TEST_CASE("fake quantization: one pass is the composition of LibTorch's ops, by row, in any layout") {
  Random random(3);
  for (const bool channels_last : {false, true}) {
    at::Tensor x = doubles({3, 2, 4, 5}, std::vector<double>(120));
    for (int64_t i = 0; i < 120; ++i) x.mutable_data_ptr<double>()[i] = random.normal();
    if (channels_last) x = x.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor other = x.clone().set_requires_grad(true), weight = x.clone().add(1);
    x.set_requires_grad(true);
    engine::FakeQuantize f = one_step(0.25, 0, -3, 3), g = one_step(0.25, 0, -3, 3);
    for (auto* q : {&f, &g}) {
      q->step = doubles({3}, {0.25, 0.1, 1}).to(at::kFloat);
      q->log_factor = doubles({3}, {0, 0.3, -0.2}).set_requires_grad(true);
    }
    const c10::AutoGradMode on(true);
    const at::Tensor y = f(x), z = reference(g, other);
    CHECK(at::allclose(y, z, 1e-12, 1e-12));
    y.mul(weight).sum().backward();
    z.mul(weight).sum().backward();
    CHECK(at::allclose(x.grad(), other.grad(), 1e-12, 1e-12));
    CHECK(at::allclose(f.log_factor.grad(), g.log_factor.grad(), 1e-9, 1e-9));
  }
}

TEST_CASE("fake quantization: steps of groups within a row, and one gradient for the row") {
  engine::FakeQuantize f = one_step(0.5, 0, -3, 3);
  f.step = doubles({1, 4}, {0.5, 1, 1, 2});
  const at::Tensor x = doubles({1, 4}, {0.7, 0.7, -9, 2.5}).set_requires_grad(true);
  const c10::AutoGradMode on(true);
  const at::Tensor y = f(x);
  CHECK(list(y) == std::vector<double>{0.5, 1, -3, 2});
  y.mul(doubles({1, 4}, {1, 10, 100, 1000})).sum().backward();
  CHECK(list(x.grad()) == std::vector<double>{1, 10, 0, 1000});
  // dy/dt = step·(rne(v) − v): 1 − 1.4, 1 − 0.7, the bound −3, 1 − 1.25
  CHECK(list(f.log_factor.grad())[0] == Approx(1 * 0.5 * -0.4 + 10 * 1 * 0.3 + 100 * 1 * -3 + 1000 * 2 * -0.25));
  f.log_factor = doubles({1}, {std::log(2.0)});
  CHECK(list(f.scale())[3] == Approx(4));
}

TEST_CASE("fake quantization: floats as doubles, long rows, and nothing at all") {
  Random random(4);
  std::vector<float> values(100001);
  for (float& v : values) v = static_cast<float>(random.normal());
  const at::Tensor x = at::from_blob(values.data(), {100001}, at::TensorOptions(at::kFloat)).clone().set_requires_grad(true);
  engine::FakeQuantize f = one_step(0.125, 9, 0, 15);
  f.log_factor = at::full({1}, 0.0, at::TensorOptions(at::kFloat)).set_requires_grad(true);
  engine::FakeQuantize g = one_step(0.125, 9, 0, 15);
  const at::Tensor wide = x.detach().to(at::kDouble).set_requires_grad(true);
  const c10::AutoGradMode on(true);
  f(x).square().sum().backward();
  reference(g, wide).square().sum().backward();
  CHECK(at::allclose(x.grad().to(at::kDouble), wide.grad(), 1e-6, 1e-6));
  CHECK(list(f.log_factor.grad())[0] == Approx(list(g.log_factor.grad())[0]).epsilon(1e-4));
  CHECK(one_step(1, 0, -1, 1)(doubles({0, 3}, {})).numel() == 0);
}

TEST_CASE("fake quantization: groups of a channel that leave a rest, in any layout") {
  // Channels of 3 in groups of 2 and 1, each with a step of its own.
  engine::FakeQuantize f = one_step(1, 0, -7, 7);
  f.step = doubles({4}, {1, 0.5, 0.25, 2}).to(at::kFloat), f.log_factor = doubles({4}, {0, 0, 0, 0}).set_requires_grad(true), f.group = 2;
  const at::Tensor x = doubles({2, 3}, {1.2, 9, 1.2, 1.2, -9, 1.2}).set_requires_grad(true);
  const c10::AutoGradMode on(true);
  const at::Tensor y = f(x);
  CHECK(list(y) == std::vector<double>{1, 7, 1, 1.25, -1.75, 2});
  y.mul(doubles({2, 3}, {1, 10, 100, 1000, 10000, 100000})).sum().backward();
  CHECK(list(x.grad()) == std::vector<double>{1, 0, 100, 1000, 0, 100000});
  const std::vector<double> steps{-0.2 + 10 * 7, 0.5 * 100 * -0.4, 0.25 * (1000 * 0.2 + 10000 * -7), 2 * 100000 * 0.4};
  for (size_t i = 0; i < 4; ++i) CHECK(list(f.log_factor.grad())[i] == Approx(steps[i]));
  // [1,2,1,2] with channels last lies as (0,0) (1,0) (0,1) (1,1); groups follow the order of the axes.
  const at::Tensor image = doubles({1, 2, 1, 2}, {1.2, 9, 1.2, 9}).contiguous(at::MemoryFormat::ChannelsLast);
  f.step = doubles({2}, {1, 0.5}).to(at::kFloat), f.log_factor = doubles({2}, {0, 0});
  CHECK(list(f(image)) == std::vector<double>{1, 7, 1, 3.5});
}

TEST_CASE("halves round to nearest even, stay finite, and pass their gradient") {
  const at::Tensor x = doubles({5}, {1 + 1.0 / 2048, 1 + 3.0 / 2048, 1e-9, -70000, 0.1}).set_requires_grad(true);
  const c10::AutoGradMode on(true);
  const at::Tensor y = engine::round_to_half(x, at::kHalf);
  CHECK(list(y) == std::vector<double>{1, 1 + 2.0 / 1024, 0, -65504, 0.0999755859375});
  CHECK(list(engine::round_to_half(x, at::kBFloat16))[3] == -70144);
  y.mul(doubles({5}, {1, 2, 3, 4, 5})).sum().backward();
  CHECK(list(x.grad()) == std::vector<double>{1, 2, 3, 4, 5});
}

TEST_CASE("where nothing is rounded afterwards the gradient is that of finite differences") {
  const Module m = module_of(kLinear);
  auto trainee = engine::Trainee::prepare(m, engine::Mode::kTrain);
  if (!trainee) FAIL(trainee.error().message);
  const at::Tensor x = wrap(f32({2, 2}, {1, 2.1F, 0.4F, 3}));
  const auto loss = [&] { return trainee->run(std::vector<at::Tensor>{x}).value()[0].square().sum(); };
  {
    const c10::AutoGradMode on(true);
    loss().backward();
  }
  const c10::AutoGradMode off(false);
  at::Tensor bias = trainee->named_leaves().at("b");
  // b in units of the result: 4·0.5·0.5, −8·0.5·0.25
  CHECK(list(bias) == std::vector<double>{1, -1});
  for (int64_t c = 0; c < 2; ++c) {
    const double before = loss().item<double>();
    bias.detach().mutable_data_ptr<float>()[c] += 0.01F;
    const double after = loss().item<double>();
    bias.detach().mutable_data_ptr<float>()[c] -= 0.01F;
    CHECK((after - before) / 0.01 == Approx(list(bias.grad())[static_cast<size_t>(c)]).epsilon(0.01));
  }
  // Straight through the rounding of w: dL/dw = Σ 2y·x̂ with x̂ = (1, 2), (0.5, 3); y₀ = (1, 2)·(0.5, 1) + 1, …
  const double y00 = 1 * 0.5 + 2 * 1 + 1, y10 = 0.5 * 0.5 + 3 * 1 + 1;
  CHECK(list(trainee->named_leaves().at("w").grad())[0] == Approx(2 * y00 * 1 + 2 * y10 * 0.5));
  CHECK(list(trainee->named_leaves().at("w").grad())[1] == Approx(2 * y00 * 2 + 2 * y10 * 3));
}

TEST_CASE("training sees what the integers will say, and with no step taken they come back bit for bit") {
  for (const char* text : {kLinear, kNetwork, kDynamic, kStored, kGroups}) {
    Module m = module_of(text);
    const std::string before = print(m);
    const bool image = m.value(m.inputs[0]).type.rank() == 4;
    const Tensor x = image ? images(16) : f32({2, 2}, {1, 2.1F, 0.4F, 3});
    auto trainee = engine::Trainee::prepare(m, engine::Mode::kTrain);
    if (!trainee) FAIL(trainee.error().message);
    const c10::AutoGradMode off(false);
    const auto floats = unwrap(trainee->run(std::vector<at::Tensor>{wrap(x)}).value()[0]);
    const auto evaluator = Evaluator::prepare(m);
    check_close(*floats, evaluator->run(std::vector<Tensor>{x}).value()[0], image ? 0.05 : 1e-6);
    const Status back = trainee->write_back(m);
    if (!back) FAIL(back.error().message);
    CHECK(print(m) == before);
  }
}

namespace {
// Trains the module, which must verify afterwards; the last epoch's loss over the first one's.
double train_on_toys(Module& m, int64_t epochs) {
  TrainOptions o;
  o.epochs = epochs, o.batch_size = 16, o.optimizer.lr = 0.01;
  const auto report = train(m, ToyData(100), *cross_entropy(), o, {.seed = 3});
  if (!report) FAIL(report.error().message);
  const Status verified = verify(m);
  if (!verified) FAIL(verified.error().message);
  return report->curve.back().loss / report->curve.front().loss;
}
}  // namespace

TEST_CASE("an integer program learns and stays one") {
  Module m = module_of(kNetwork);
  const Module start = m;
  CHECK(train_on_toys(m, 8) < 0.6);
  CHECK(m.weights.at("w1").data.dtype() == DType::kS8);
  CHECK(m.weights.at("w1").encoding.bits == 4);
  CHECK(m.weights.at("b1").data.dtype() == DType::kI32);
  CHECK_FALSE(equal(m.weights.at("w1").data, start.weights.at("w1").data));
  const auto quant = [](const Module& module, const char* name) { return *module.value(module.find_value(name)).type.quant; };
  CHECK(quant(m, "c").scale != quant(start, "c").scale);
  CHECK(quant(m, "c").zero_point == 0);
  CHECK(quant(m, "f") == quant(m, "d"));  // reshape keeps its operand's parameters
  // What was trained is what the integers do: accuracy of the exact evaluation.
  const auto outputs = Evaluator::prepare(m)->run(std::vector<Tensor>{images(100)}).value();
  const auto scores = to_doubles(outputs[0]);
  std::vector<int64_t> indices(100);
  for (int64_t i = 0; i < 100; ++i) indices[static_cast<size_t>(i)] = i;
  const auto labels = to_doubles(ToyData(100).batch(indices, nullptr)->labels);
  int right = 0;
  for (size_t i = 0; i < 100; ++i) right += (scores[2 * i + 1] > scores[2 * i]) == (labels[i] == 1);
  CHECK(right >= 90);
}

TEST_CASE("a program with groups learns, and their scales stay multiples of their channel's") {
  Module m = module_of(kGroups);
  const Module start = m;
  CHECK(train_on_toys(m, 8) < 0.8);
  for (const char* name : {"w1", "w2"}) {
    const Encoding &before = start.weights.at(name).encoding, &after = m.weights.at(name).encoding;
    CHECK_FALSE(equal(m.weights.at(name).data, start.weights.at(name).data));
    CHECK_FALSE(equal(after.scales, before.scales));
    CHECK(after.group_size == before.group_size);
    CHECK(equal(find_multiples(after).value().multiples, find_multiples(before).value().multiples));
  }
}

TEST_CASE("rows quantized at run time: the gradient passes straight through their rounding") {
  // Row (255, 3.4): the step is 1, so training sees (255, 3). v's row is one number, an end of its range.
  const Module m = module_of(R"(module m (%x : f32[1,2]) -> (%y) {
    @w : s8[1,2] int8(axis 0, scales [0.5]) = [[2, -4]]
    @v : s8[2,1] int8(axis 0, scales [0.5, 0.5]) = [[3], [-5]]
    %a = linear(%x, @w) {dynamic="row"}
    %y = linear(%a, @v) {dynamic="row"} })");
  auto trainee = engine::Trainee::prepare(m, engine::Mode::kTrain);
  if (!trainee) FAIL(trainee.error().message);
  const c10::AutoGradMode on(true);
  const at::Tensor y = trainee->run(std::vector<at::Tensor>{wrap(f32({1, 2}, {255, 3.4F}))}).value()[0];
  CHECK(list(y)[0] == Approx((255 - 2 * 3) * 1.5));
  y.sum().backward();
  const auto gradient = [&](const char* name) { return list(trainee->named_leaves().at(name).grad()); };
  CHECK(gradient("w")[0] == Approx(255 * (1.5 - 2.5)));  // x̂ times Σ v
  CHECK(gradient("w")[1] == Approx(3 * (1.5 - 2.5)));
  CHECK(gradient("v")[0] == Approx(255 - 2 * 3));
}

TEST_CASE("a program quantized at run time learns and stays one") {
  Module m = module_of(kDynamic);
  const Module start = m;
  CHECK(train_on_toys(m, 4) < 0.8);
  for (const char* name : {"w1", "w2", "u2", "w3"}) {
    INFO(name);
    CHECK(m.weights.at(name).data.dtype() == DType::kS8);
    CHECK_FALSE(equal(m.weights.at(name).data, start.weights.at(name).data));
  }
}

TEST_CASE("weights kept as halves and in groups learn and stay what they are") {
  Module m = module_of(kStored);
  const Module start = m;
  CHECK(train_on_toys(m, 8) < 0.6);
  for (const char* name : {"w1", "w2", "w3", "w4"}) {
    INFO(name);
    CHECK(m.weights.at(name).data.dtype() == start.weights.at(name).data.dtype());
    CHECK_FALSE(equal(m.weights.at(name).data, start.weights.at(name).data));
  }
  CHECK(m.weights.at("w4").encoding.scales.shape() == std::vector<int64_t>{2, 3});
  CHECK(equal(m.weights.at("b1").data, start.weights.at("b1").data));  // a constant
}

TEST_CASE("a table of halves learns through the cast that follows it") {
  Module m = module_of(R"(module m (%i : i64[N,1]) -> (%y) symbols N in [1, 64] {
    @table : bf16[3,2] = [1, 0, 0, 1, 0, 0]
    %rows.half = embedding(@table, %i)
    %rows = cast(%rows.half) {dtype="f32"}
    %y = reshape(%rows) {shape=[N, 2]} })");
  auto trainee = engine::Trainee::prepare(m, engine::Mode::kTrain);
  if (!trainee) FAIL(trainee.error().message);
  const c10::AutoGradMode on(true);
  const Tensor indices = Tensor::of<int64_t>({3, 1}, {1, 1, 2});
  trainee->run(std::vector<at::Tensor>{wrap(indices)}).value()[0].sum().backward();
  CHECK(list(trainee->named_leaves().at("table").grad()) == std::vector<double>{0, 0, 2, 2, 1, 1});
  CHECK(trainee->left_alone().empty());
}

TEST_CASE("what has no float to train is named, and refused where nothing else is there") {
  // v is computed with as f16; w's scales lie along its inputs, as those of a transposed convolution would.
  constexpr const char* kLayers = R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {{
    @v : f16[2,2] = [[1, 2], [3, 4]]
    @b : f32[2] {}= [1, 2]
    %half = cast(%x) {{dtype="f16"}}
    %first = linear(%half, @v)
    %first.wide = cast(%first) {{dtype="f32"}}
    %y = add(%first.wide, @b) }})";
  Module m = module_of(fmt::format(kLayers, ""));
  const auto report = train(m, TableData({{1, 2}, {2, 1}}, {0, 1}), *cross_entropy(), quick(1), {});
  if (!report) FAIL(report.error().message);
  CHECK(report->left_alone == std::vector<std::string>{"first"});
  Module fixed = module_of(fmt::format(kLayers, "buffer "));
  CHECK(train(fixed, TableData({{1, 2}}, {0}), *cross_entropy(), quick(1), {}).error().message ==
        "the network has no float weight that could be trained; first compute with theirs in another type than f32");
}

TEST_CASE("a bias beside tiny weights gets a step that holds it") {
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
    @w : s8[1,2] int8(axis 0, scales [0.000000001]) = [[1, 2]]
    @b : i32[1] = [1000000000]
    %x.quantize : q(1, 0) = quantize(%x)
    %y = linear(%x.quantize, @w, @b) })");
  auto trainee = engine::Trainee::prepare(m, engine::Mode::kTrain);
  if (!trainee) FAIL(trainee.error().message);
  const c10::AutoGradMode off(false);
  trainee->named_leaves().at("b").detach().fill_(100);
  REQUIRE(trainee->write_back(m).has_value());
  const double bias = to_doubles(m.weights.at("b").data)[0], scale = to_doubles(m.weights.at("w").encoding.scales)[0];
  CHECK(bias <= 1 << 30);
  CHECK(bias * scale == Approx(100));
}

TEST_CASE("a bias that two layers read in different units is refused") {
  Module m = module_of(R"(module m (%x : f32[N,2]) -> (%y, %z) symbols N in [1, 64] {
    @w : s8[1,2] int8(axis 0, scales [0.5]) = [[1, 2]]
    @v : s8[1,2] int8(axis 0, scales [0.25]) = [[1, 2]]
    @b : i32[1] = [10]
    %x.quantize : q(1, 0) = quantize(%x)
    %y = linear(%x.quantize, @w, @b)
    %z = linear(%x.quantize, @v, @b) })");
  const auto trainee = engine::Trainee::prepare(m, engine::Mode::kTrain);
  REQUIRE_FALSE(trainee.has_value());
  CHECK(trainee.error().message == "z: its bias is another layer's too, in other units; give each layer a bias of its own to train them");
}
