#include "ir/op.h"
#include "ir/rewrite.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// A residual block on option-A terms: the shortcut slices with stride and pads channels.
constexpr const char* kBlock = R"(module (%x : f32[N,3,8,8]) -> (%y) symbols N in [1, 64] {
  @w1 : f32[4,3,3,3] = random(1)
  @b1 : f32[4] = random(2)
  @w2 : f32[8,4,3,3] = random(3)
  @b2 : f32[8] = random(4)
  @w3 : f32[5,8] = random(5)
  @b3 : f32[5] = random(6)
  %conv1 = conv(%x, @w1, @b1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
  %rows = slice(%conv1) {axis=2, start=0, end=8, step=2}
  %cut = slice(%rows) {axis=3, start=0, end=8, step=2}
  %shortcut = pad(%cut) {padding=[0,2,0,0,0,2,0,0]}
  %conv2 = conv(%conv1, @w2, @b2, %shortcut) {stride=[2,2], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
  %mean = reduce_mean(%conv2) {axes=[2,3]}
  %y = linear(%mean, @w3, @b3)
})";

struct Ready {
  Module module;
  Samples data{{random_tensor({64, 3, 8, 8}, 11)}};
  PlainContext context;
  explicit Ready(const char* text) : module(module_of(text)) { context.calibration_data = &data; }
};

size_t count_op(const Module& m, std::string_view op) {
  size_t n = 0;
  for (const NodeId id : m.order()) n += m.node(id).op->name == op;
  return n;
}

double relative_error(const Module& a, const Module& b, const Tensor& x) {
  const auto p = to_doubles(evaluate(a, {x})[0]), q = to_doubles(evaluate(b, {x})[0]);
  double error = 0, size = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    error += (p[i] - q[i]) * (p[i] - q[i]);
    size += p[i] * p[i];
  }
  return std::sqrt(error / size);
}

}  // namespace

TEST_CASE("quantize.static: from the input's quantize to the last layer every node is integer") {
  Ready r(kBlock);
  const Module before = r.module;
  const PassReport report = pass_ok("quantize.static", r.module, r.context);
  CHECK(report.changed);
  CHECK(count_op(r.module, "quantize") == 1);
  CHECK(count_op(r.module, "dequantize") == 0);
  for (const NodeId id : r.module.order()) {
    const Node& node = r.module.node(id);
    INFO(node.name);
    if (node.name == "x.quantize") continue;
    CHECK(r.module.value(node.inputs[0]).type.quant.has_value());
  }
  CHECK(type_text(r.module.value(r.module.outputs[0]).type) == "f32[N,5]");
  CHECK(r.module.value(r.module.find_value("conv2")).type.quant->zero_point == 0);
  CHECK(r.module.weights.at("b1").data.dtype() == DType::kI32);
  CHECK(r.module.weights.at("w1").encoding.kind == Encoding::Kind::kInt);
  CHECK(relative_error(before, r.module, random_tensor({16, 3, 8, 8}, 12)) < 0.03);
}

TEST_CASE("quantize.static: literal numbers of a linear layer") {
  Module m = module_of(R"(module (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2] = [1.27, 0.5, 0, -2.54]
    @b : f32[2] = [0.1, -0.3]
    @v : f32[1,2] = [1, 1]
    %h = linear(%x, @w, @b)
    %y = linear(%h, @v)
  })");
  // x in [-1, 1.55]: scale 0.01, zero point 100. h in [0.1 - 1.27, …]: from two samples.
  const Samples data({Tensor::of<float>({2, 2}, {-1, 0, 1.55F, 0})});
  PlainContext context;
  context.calibration_data = &data;
  pass_ok("quantize.static", m, context, {{"observer", "min_max"}});
  CHECK(type_text(m.value(m.find_value("x.quantize")).type) == "u8[N,2] q(0.01, 100)");
  CHECK(equal(m.weights.at("w").data, Tensor::of<int8_t>({2, 2}, {127, 50, 0, -127})));
  CHECK(equal(m.weights.at("w").encoding.scales, Tensor::of<float>({2}, {0.01F, 0.02F})));
  CHECK(equal(m.weights.at("b").data, Tensor::of<int32_t>({2}, {1000, -1500})));  // 0.1/(0.01·0.01), -0.3/(0.01·0.02)
}

TEST_CASE("quantize.static: symmetric activations, and one scale for a weight") {
  Module m = module_of(R"(module (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2] = [1.27, 0.5, 0, -2.54]
    @v : f32[1,2] = [1, 1]
    %h = linear(%x, @w) {activation="relu"}
    %y = linear(%h, @v)
  })");
  const Samples data({Tensor::of<float>({2, 2}, {-1, 0, 1.27F, 0})});
  PlainContext context;
  context.calibration_data = &data;
  pass_ok("quantize.static", m, context, {{"observer", "min_max"}, {"activations", "symmetric"}, {"scales", "tensor"}});
  CHECK(type_text(m.value(m.find_value("x.quantize")).type) == "u8[N,2] q(0.01, 128)");
  CHECK(m.value(m.find_value("h")).type.quant->zero_point == 0);
  CHECK(equal(m.weights.at("w").encoding.scales, Tensor::of<float>({2}, {0.02F, 0.02F})));
  CHECK(equal(m.weights.at("w").data, Tensor::of<int8_t>({2, 2}, {64, 25, 0, -127})));  // 63.5 is a tie: to even
}

TEST_CASE("quantize.static: 16-bit fixed point, with weights of 8 and of 16 bits") {
  const Module before = module_of(R"(module (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2] = [3.2767, 0.5, 0, -6.5534]
    @b : f32[2] = [0.25, -0.5]
    @v : f32[1,2] = [1, 1]
    %h = linear(%x, @w, @b)
    %y = linear(%h, @v)
  })");
  const Tensor x = Tensor::of<float>({2, 2}, {-9000.5F, 16383.5F, 12000, -7000.25F});
  const Samples data({x});
  PlainContext context;
  context.calibration_data = &data;
  Module m = before;
  pass_ok("quantize.static", m, context, {{"bits", 16}, {"weight_bits", 16}});
  CHECK(type_text(m.value(m.find_value("x.quantize")).type) == "s16[N,2] q(0.5, 0, 16)");
  CHECK(equal(m.weights.at("w").data, Tensor::of<int16_t>({2, 2}, {32767, 5000, 0, -32767})));
  CHECK(equal(m.weights.at("b").data, Tensor::of<int32_t>({2}, {5000, -5000})));  // 0.25/(0.5·0.0001), −0.5/(0.5·0.0002)
  CHECK(m.value(m.find_value("h")).type.dtype == DType::kS16);
  CHECK(print(module_of(print(m))) == print(m));
  Module bytes = before;
  pass_ok("quantize.static", bytes, context, {{"bits", 16}});
  CHECK(bytes.weights.at("w").data.dtype() == DType::kS8);
  CHECK(relative_error(before, m, x) < 2e-4);
  CHECK(relative_error(before, bytes, x) > 2e-4);
  for (const nlohmann::json& refused : {nlohmann::json{{"bits", 12}}, nlohmann::json{{"weight_bits", 16}}, nlohmann::json{{"bits", 16}, {"weight_bits", 12}}})
    CHECK_FALSE(run_pass("quantize.static", m, context, refused));
}

TEST_CASE("quantize.static: under 16 bits too nothing between two layers goes through floats") {
  Ready r(kBlock);
  const Module before = r.module;
  pass_ok("quantize.static", r.module, r.context, {{"bits", 16}, {"weight_bits", 16}});
  CHECK(r.module.value(r.module.find_value("conv2")).type.dtype == DType::kS16);
  CHECK(r.module.value(r.module.find_value("shortcut")).type.dtype == DType::kS16);  // pad
  CHECK(count_op(r.module, "quantize") == 1);
  CHECK(count_op(r.module, "dequantize") == 0);
  CHECK(r.module.value(r.module.find_value("mean")).type.dtype == DType::kS16);
  CHECK(relative_error(before, r.module, random_tensor({16, 3, 8, 8}, 12)) < 5e-4);
}

TEST_CASE("quantize.static: weights of three bits on the same arithmetic; patterns keep 8 bits") {
  Module m = module_of(R"(module (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2] = [3, 1.2, 0, -6]
    @v : f32[1,2] = [1.27, 0.5]
    %h = linear(%x, @w)
    %y = linear(%h, @v)
  })");
  const Samples data({Tensor::of<float>({2, 2}, {-1, 0, 1.55F, 0})});
  PlainContext context;
  context.calibration_data = &data;
  pass_ok("quantize.static", m, context, {{"weight_bits", 3}, {"weights", "max"}, {"int8", {"y"}}});
  CHECK(equal(m.weights.at("w").data, Tensor::of<int8_t>({2, 2}, {3, 1, 0, -3})));
  CHECK(equal(m.weights.at("w").encoding.scales, Tensor::of<float>({2}, {1, 2})));
  CHECK(equal(m.weights.at("v").data, Tensor::of<int8_t>({1, 2}, {127, 50})));
  CHECK(print(m).find("@w : s8[2,2] int3(axis 0, scales [1, 2]) = [[3, 1], [0, -3]]") != std::string::npos);
  CHECK(print(module_of(print(m))) == print(m));
  Module again = module_of("module (%x : f32[N,2]) -> (%x) symbols N in [1, 8] { }");
  CHECK_FALSE(run_pass("quantize.static", again, context, {{"weight_bits", 1}}));
}

TEST_CASE("quantize.static: a budget gives two bits to the weight that loses nothing, and more to the one that would") {
  // Two bits hold a's numbers; b's they do not. 64 numbers and eight scales each: 96 bytes in 8 bits, 48 in 2. What is shared has one choice.
  std::string exact;
  for (int i = 0; i < 64; ++i) exact += fmt::format("{}{}", i == 0 ? "" : ", ", i % 8 == i / 8 ? 1 : i % 3 - 1);
  const Module m = module_of("module (%x : f32[N,8]) -> (%y) symbols N in [1, 64] {\n  @a : f32[8,8] = [" + exact + R"(]
  @b : f32[8,8] = random(2)
  %g = linear(%x, @a)
  %h = linear(%g, @a)
  %y = linear(%h, @b)
})");
  const Samples data({random_tensor({32, 8}, 5)});
  PlainContext context;
  context.calibration_data = &data;
  const auto bits = [&](const nlohmann::json& budget) {
    Module quantized = m;
    pass_ok("quantize.static", quantized, context, budget);
    std::vector<int> out;
    for (const char* node : {"g", "h", "y"})
      for (const NodeId id : quantized.order())
        if (quantized.node(id).name == node && is_op(quantized.node(id), "linear")) out.push_back(quantized.weight(quantized.node(id).inputs[1]).encoding.bits);
    return out;
  };
  CHECK(bits({{"budget", {{"weight_bytes", 144}}}}) == std::vector<int>{2, 2, 8});
  CHECK(bits({{"budget", {{"weight_bytes", 128}}}}) == std::vector<int>{2, 2, 6});
  CHECK(bits({{"budget", {{"ratio", 0.01}}}}) == std::vector<int>{2, 2, 2});
  CHECK(bits({{"budget", {{"ratio", 0.01}}}, {"weight_bits", 4}}) == std::vector<int>{4, 4, 4});
  for (const nlohmann::json& refused : {nlohmann::json{{"int8", {"y"}}}, nlohmann::json{{"bits", 16}, {"weight_bits", 16}}}) {
    nlohmann::json options = refused;
    options["budget"] = {{"ratio", 0.5}};
    CHECK_FALSE(find_pass("quantize.static")->check(options, ""));
  }
}

TEST_CASE("quantize.static: exclude leaves float islands, with quantize and dequantize around them") {
  Ready r(kBlock);
  const Module before = r.module;
  pass_ok("quantize.static", r.module, r.context, {{"exclude", {"conv2"}}});
  CHECK(r.module.weights.at("w2").encoding.kind == Encoding::Kind::kDense);
  CHECK(r.module.weights.at("w1").encoding.kind == Encoding::Kind::kInt);
  CHECK(r.module.value(r.module.find_value("conv2")).type.dtype == DType::kF32);
  CHECK(relative_error(before, r.module, random_tensor({16, 3, 8, 8}, 12)) < 0.03);
}

TEST_CASE("quantize.static: a pattern that matches nothing is an error, in include and in exclude") {
  Ready r(kBlock);
  const auto missing = run_pass("quantize.static", r.module, r.context, {{"exclude", {"conv7"}}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().cls == ErrorClass::kUsage);
  CHECK(missing.error().message.find("expected \"conv7\" to match a conv or linear node, found no match") == 0);
  CHECK(missing.error().message.find("conv1, conv2 and y") != std::string::npos);
  CHECK_FALSE(run_pass("quantize.static", r.module, r.context, {{"include", {"op:matmul"}}}));
  CHECK_FALSE(run_pass("quantize.static", r.module, r.context, {{"bits", 4}}));
}

TEST_CASE("quantize.static: without data, and with NaN in it") {
  Ready r(kBlock);
  PlainContext empty;
  CHECK(run_pass("quantize.static", r.module, empty).error().message.find("expected calibration data") == 0);
  Tensor bad = random_tensor({2, 3, 8, 8}, 1);
  bad.mutable_values<float>()[7] = std::numeric_limits<float>::quiet_NaN();
  const Samples data({bad});
  r.context.calibration_data = &data;
  const auto result = run_pass("quantize.static", r.module, r.context);
  REQUIRE_FALSE(result);
  CHECK(result.error().message.find("expected finite values on the calibration data") != std::string::npos);
}

TEST_CASE("quantize.static: an output in the middle keeps its name and type") {
  Ready r(R"(module (%x : f32[N,3,8,8]) -> (%pool, %y) symbols N in [1, 64] {
    @w1 : f32[4,3,3,3] = random(1)
    @w2 : f32[2,4,1,1] = random(3)
    %conv1 = conv(%x, @w1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
    %pool = max_pool(%conv1) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1]}
    %conv2 = conv(%pool, @w2) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %y = sigmoid(%conv2)
  })");
  const Module before = r.module;
  pass_ok("quantize.static", r.module, r.context);
  CHECK(r.module.value(r.module.outputs[0]).name == "pool");
  CHECK(type_text(r.module.value(r.module.outputs[0]).type) == "f32[N,4,4,4]");
  CHECK(r.module.value(r.module.outputs[1]).name == "y");
  CHECK(relative_error(before, r.module, random_tensor({4, 3, 8, 8}, 12)) < 0.03);
}

TEST_CASE("quantize.static: concat, additions and pools between layers stay integer") {
  Ready r(R"(module (%x : f32[N,3,8,8]) -> (%y) symbols N in [1, 64] {
    @w : f32[4,3,1,1] = random(1)
    @v : f32[4,3,1,1] = random(2)
    @u : f32[2,12,1,1] = random(3)
    %a = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %b = conv(%x, @v) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="clip", lo=0, hi=0.5}
    %s = add(%a, %b) {activation="relu"}
    %p = avg_pool(%s) {kernel=[2,2], stride=[2,2], padding=[0,0]}
    %q = max_pool(%a) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1]}
    %r = slice(%b) {axis=2, start=0, end=8, step=2}
    %t = slice(%r) {axis=3, start=1, end=8, step=2}
    %c = concat(%p, %q, %t) {axis=1}
    %y = conv(%c, @u) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  })");
  const Module before = r.module;
  pass_ok("quantize.static", r.module, r.context);
  CHECK(count_op(r.module, "quantize") == 1);
  CHECK(count_op(r.module, "dequantize") == 0);
  CHECK(relative_error(before, r.module, random_tensor({4, 3, 8, 8}, 12)) < 0.03);
}

TEST_CASE("quantize.static: shared weights, dead channels, large biases, activations without an integer form") {
  Ready r(R"(module (%x : f32[N,3,8,8]) -> (%y) symbols N in [1, 64] {
    @w : f32[3,3,1,1] = [0, 0, 0, 1e-9, 0, 0, 1, -1, 0.5]
    @b : f32[3] = [2, 3, -1]
    %a = conv(%x, @w, @b) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
    %g = conv(%a, @w, @b) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], activation="gelu"}
    %y = conv(%g, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  })");
  const Module before = r.module;
  pass_ok("quantize.static", r.module, r.context, {{"observer", "min_max"}});
  CHECK(r.module.value(r.module.find_value("g")).type.dtype == DType::kF32);
  for (const auto& [name, weight] : r.module.weights)
    if (weight.data.dtype() == DType::kI32)
      for (const double v : to_doubles(weight.data)) CHECK(std::fabs(v) <= 1 << 30);
  CHECK(relative_error(before, r.module, random_tensor({4, 3, 8, 8}, 12)) < 0.03);
}

TEST_CASE("quantize.static: what cannot be integer is said and stays float") {
  Ready r(R"(module (%x : f32[N,3,8,8]) -> (%y) symbols N in [1, 64] {
    @w : f32[3,3,1,1] = random(1)
    %e = exp(@w)
    %y = conv(%x, %e) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  })");
  const PassReport report = pass_ok("quantize.static", r.module, r.context);
  CHECK_FALSE(report.changed);
  CHECK(report.notes == std::vector<std::string>{"y stays float: its weight is computed by the program."});
}

// The table of relative positions that Swin v2 computes by a small network.
TEST_CASE("quantize.static: a layer of constants stays float, what follows it need not") {
  Ready r(R"(module (%x : f32[N,3,8,8]) -> (%y) symbols N in [1, 64] {
    @w : f32[4,8] = random(1)
    @v : f32[4,8] = random(2)
    @table : f32[1,8] buffer = [1, 2, 3, 4, 5, 6, 7, 8]
    %bias = linear(@table, @v)
    %a = linear(%x, @w)
    %y = add(%a, %bias)
  })");
  const PassReport report = pass_ok("quantize.static", r.module, r.context);
  CHECK(report.changed);
  CHECK(report.notes == std::vector<std::string>{"bias stays float: its input is a constant."});
}

TEST_CASE("quantize.static: groups of inputs share a scale, and every kernel reads plain int8") {
  const char* text = R"(module (%x : f32[N,8,6,6]) -> (%y) symbols N in [1, 64] {
    @w1 : f32[8,8,3,3] = random(1)
    @b1 : f32[8] = random(2)
    @w2 : f32[8,1,5,5] = random(3)
    @w3 : f32[6,8,1,1] = random(4)
    %a = conv(%x, @w1, @b1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"}
    %b = conv(%a, @w2) {stride=[1,1], padding=[2,2,2,2], dilation=[1,1], groups=8, activation="relu"}
    %y = conv(%b, @w3) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]} })";
  const Module before = module_of(text);
  const Samples data({random_tensor({64, 8, 6, 6}, 11)});
  PlainContext context;
  context.calibration_data = &data;
  const auto quantized = [&](const nlohmann::json& options) {
    Module module = before;
    pass_ok("quantize.static", module, context, options);
    return module;
  };
  const Module groups = quantized({{"weight_bits", 3}, {"group_size", 16}}), channels = quantized({{"weight_bits", 3}});
  const Encoding& e = groups.weights.at("w1").encoding;
  CHECK(e.bits == 3);
  CHECK(e.group_size == 16);
  CHECK(e.scales.shape() == std::vector<int64_t>{8, 5});  // 72 inputs, the last group has eight
  CHECK(groups.weights.at("w2").encoding.group_size == 0);  // depthwise: 25 inputs a channel are one group
  CHECK(groups.weights.at("w3").encoding.group_size == 0);  // eight inputs
  const Tensor x = random_tensor({8, 8, 6, 6}, 12);
  CHECK(relative_error(before, groups, x) < relative_error(before, channels, x));
  const Module mixed = quantized({{"weight_bits", 3}, {"group_size", 16}, {"int8", {"a"}}});
  CHECK(mixed.weights.at("w1").encoding.bits == 8);
  CHECK(mixed.weights.at("w1").encoding.group_size == 0);
}

TEST_CASE("quantize.static: groups where their integers would not fit are refused") {
  const Pass* pass = find_pass("quantize.static");
  const auto message = [&](const nlohmann::json& options) {
    const Status status = pass->check(options, "");
    return status ? "" : status.error().message;
  };
  CHECK(message({{"group_size", 16}}).find("group_size: expected weight_bits of at most 6, found 8: the integer of a group times such a number would not fit into a byte; "
                                           "leave group_size out (each output channel has its own scale), or take fewer bits") != std::string::npos);
  CHECK_FALSE(message({{"group_size", 16}, {"weight_bits", 7}}).empty());
  CHECK(message({{"group_size", 16}, {"weight_bits", 6}}).empty());
  CHECK(message({{"group_size", 16}, {"weight_bits", 4}, {"scales", "tensor"}}).find("scales: expected \"channel\" beside group_size") != std::string::npos);
}
