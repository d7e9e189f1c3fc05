// Ops over weights in fewer bits, from artifacts that a reader can check by hand, and broken ones.
#include "tests/catch.h"
#include "tests/runtime/artifact.h"

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

LinearStoredAttrs linear_attrs(int32_t group) {
  LinearStoredAttrs a{};
  a.product.qhi = 255, a.group = group;
  return a;
}

// y[1, 2] = x[1, 4] · w, int4 in groups of 2: w = [[1, 2, 30, -40], [-7, 7, 0, 1]], scales [1, 10] and [1, 1].
struct Small {
  Artifact a;
  uint32_t x, w, scales, y;

  explicit Small(int32_t group = 2) {
    std::vector<uint8_t> bytes(2 * 16, 0x88);
    bytes[0] = 0xa9, bytes[1] = 0xf1;             // inputs 0 and 1 of channels 0 and 1: 1, 2 and −7, 7
    bytes[16] = 0x4b, bytes[17] = 0x98;           // inputs 2 and 3: 3, −4 and 0, 1
    std::vector<float> s(2 * 16, 0.0f);
    s[0] = s[1] = s[17] = 1, s[16] = 10;
    x = a.input("x", DType::kF32, {1, 4});
    w = a.constant<int8_t>("w", {2, 4}, {bytes.begin(), bytes.end()}, Packing::kNibbles16);
    scales = a.constant<float>("s", {32}, s);
    y = a.value("y", DType::kF32, {1, 2});
    a.op(Kernel::kLinearStored, "layer", {x, w, scales}, {y}, linear_attrs(group));
    a.outputs = {y};
  }
};

const Array kInput = Array::of<float>({1, 4}, {1, 1, 1, 10});

std::string refused(const Artifact& a) { return run(a, {kInput}).message; }

}  // namespace

TEST_CASE("an int4 linear layer, by hand", "[stored]") {
  const Outcome outcome = run(Small().a, {kInput});
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].numbers<float>() == std::vector<float>{1 + 2 + 30 - 400, 0 + 0 + 10});
}

TEST_CASE("a table of int8 and of int4 rows; an index outside is refused", "[stored]") {
  for (const bool nibbles : {false, true}) {
    Artifact a;
    const auto i = a.input("i", DType::kI64, {3});
    const auto table = nibbles ? a.constant<int8_t>("t", {2, 3}, {int8_t(0xa9), int8_t(0x8b), int8_t(0x71), int8_t(0x80)}, Packing::kNibbles)
                               : a.constant<int8_t>("t", {2, 3}, {1, 2, 3, -7, -1, -8});
    const auto scales = a.constant<float>("s", {2, 2}, {1, 10, 1, 1});  // groups of 2: the last number of a row has its own
    const auto y = a.value("y", DType::kF32, {3, 3});
    a.op(Kernel::kEmbeddingStored, "words", {table, scales, i}, {y}, StoredAttrs{2, 0});
    a.outputs = {y};
    const Outcome outcome = run(a, {Array::of<int64_t>({3}, {1, 0, -1})});
    REQUIRE(outcome.message == "");
    CHECK(outcome.outputs[0].numbers<float>() == std::vector<float>{-7, -1, -8, 1, 2, 30, -7, -1, -8});
    CHECK(run(a, {Array::of<int64_t>({3}, {1, 2, 0})}).message.find("index 2 is outside [0, 2)") != std::string::npos);
  }
}

TEST_CASE("a convolution with a window decodes its weight once; half floats need no scales", "[stored]") {
  Artifact a;
  const auto x = a.input("x", DType::kF32, {1, 1, 1, 4}, Layout::kChannelsLast);
  std::vector<int8_t> q(2 * 16, 0);
  q[0] = 3, q[16] = -1;  // one channel, two taps
  std::vector<float> s(16, 0.0f);
  s[0] = 0.5f;
  const auto w = a.constant<int8_t>("w", {1, 1, 1, 2}, q, Packing::kPanel16);
  const auto scales = a.constant<float>("s", {16}, s);
  const auto y = a.value("y", DType::kF32, {1, 1, 1, 3}, Layout::kChannelsLast);
  ConvStoredAttrs attrs{};
  attrs.product = {{1, 2}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {0, 0}, 1, 0, 0, 0, 0, 255, 0, 0};
  a.op(Kernel::kConvStored, "conv", {x, w, scales}, {y}, attrs);
  a.outputs = {y};
  const Outcome outcome = run(a, {Array::of<float>({1, 1, 1, 4}, {2, 4, 8, 16})});
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].numbers<float>() == std::vector<float>{1, 2, 4});  // (3a − b)/2
}

TEST_CASE("broken stored weights are refused with a sentence", "[stored][malformed]") {
  const auto broken = [](auto change) {
    Small small;
    change(small);
    return refused(small.a);
  };
  CHECK(broken([](Small& s) { s.a.constants[0].bytes = 16; }).find("has 16 bytes, expected 32") != std::string::npos);
  CHECK(broken([](Small& s) { s.a.values[s.w].dtype = static_cast<uint8_t>(DType::kF16); }).find("is not a constant in panels") != std::string::npos);
  CHECK(broken([](Small& s) { s.a.constants[0].packing = 2; }).find("is not a constant in panels") != std::string::npos);
  CHECK(broken([](Small& s) { s.a.constants[0].packing = 99; }).find("unknown packing 99") != std::string::npos);
  CHECK(broken([](Small& s) { s.a.constants[0].packing = 3; }).find("is not a constant in panels") != std::string::npos);
  CHECK(broken([](Small& s) { s.a.dims[s.a.values[s.scales].first_dim] = {16, 0, 0}; }).find("not a constant of 32 numbers") != std::string::npos);
  CHECK(broken([](Small& s) { s.a.operands[2] = kNone; }).find("has no scales") != std::string::npos);
  CHECK(broken([](Small& s) { s.a.values[s.scales].dtype = static_cast<uint8_t>(DType::kI32); }).find("has type int32") != std::string::npos);
  CHECK(refused(Small(3).a).find("the number of inputs that share a scale is 3") != std::string::npos);
  CHECK(refused(Small(-2).a).find("the number of inputs that share a scale is -2") != std::string::npos);
  CHECK(refused(Small(4).a).find("not a constant of 16 numbers") != std::string::npos);
  // A packed weight where an op reads plain numbers.
  Small elsewhere;
  elsewhere.a.op(Kernel::kCast, "cast", {elsewhere.w}, {elsewhere.a.value("z", DType::kF32, {2, 4})});
  CHECK(refused(elsewhere.a).find("is a packed weight") != std::string::npos);
}
