// Constants without their zeros or in few bits, from artifacts that a reader can check by hand, and broken ones.
#include "tests/catch.h"
#include "tests/runtime/artifact.h"

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

ConstantRecord& code(Artifact& a, Coding coding, uint32_t count) {
  ConstantRecord& c = a.constants.back();
  c.coding = static_cast<uint8_t>(coding), c.element_bytes = 4, c.count = count;
  return c;
}

// y[1, 1] = x[1, 4] · w, w = [0, 10, 0, 7]: a panel of sixteen rows of two numbers and a word of places each.
Artifact two_four(uint32_t places = 0x4444444du) {
  Artifact a;
  std::vector<float> packed(16 * 2 + 16, 0.0f);
  packed[0] = 10, packed[1] = 7;
  const auto x = a.input("x", DType::kF32, {1, 4});
  for (int row = 0; row < 16; ++row) {
    const uint32_t word = row == 0 ? places : 0x44444444u;
    std::memcpy(&packed[32 + row], &word, sizeof word);
  }
  const auto w = a.constant<float>("w", {1, 4}, packed, Packing::kPanel16);
  code(a, Coding::kTwoFour, 4);
  const auto y = a.value("y", DType::kF32, {1, 1});
  LinearAttrs attrs{};
  attrs.qhi = 255;
  a.op(Kernel::kLinearF32, "layer", {x, w}, {y}, attrs);
  a.outputs = {y};
  return a;
}

// y[1, 4] = x[1, 4] + c, c = [0, 2, 0, 3].
Artifact bitmap(uint32_t bits = 0b1010) {
  Artifact a;
  const auto x = a.input("x", DType::kF32, {1, 4});
  std::vector<float> packed{0, 2, 3};
  std::memcpy(packed.data(), &bits, sizeof bits);
  const auto c = a.constant<float>("c", {4}, packed);
  code(a, Coding::kBitmap, 4);
  const auto y = a.value("y", DType::kF32, {1, 4});
  a.op(Kernel::kBinary, "add", {x, c}, {y}, BinaryAttrs{static_cast<uint32_t>(Binary::kAdd), 0, 0, 0});
  a.outputs = {y};
  return a;
}

// y[1, 4] = x[1, 4] + 0, and c : s8[count], which is an output as it is decoded.
Artifact integers(Coding coding, uint8_t levels, uint32_t count, const std::vector<uint8_t>& bytes, Packing packing = Packing::kPlain) {
  Artifact a;
  const auto x = a.input("x", DType::kF32, {1, 4});
  const auto zero = a.constant<float>("zero", {1}, {0});
  const auto c = a.constant<int8_t>("c", {static_cast<int64_t>(count)}, std::vector<int8_t>(bytes.begin(), bytes.end()), packing);
  ConstantRecord& record = a.constants.back();
  record.coding = static_cast<uint8_t>(coding), record.element_bytes = 1, record.levels = levels, record.count = count;
  const auto y = a.value("y", DType::kF32, {1, 4});
  a.op(Kernel::kBinary, "add", {x, zero}, {y}, BinaryAttrs{static_cast<uint32_t>(Binary::kAdd), 0, 0, 0});
  a.outputs = {y, c};
  return a;
}
// 001, 111, 011, 100 and 010, whose last byte is not full; 2 + 0·3 + 1·9 + 2·27 + 2·81 and 0 + 1·3.
Artifact three_bits() { return integers(Coding::kFewBits, 8, 5, {0b11'111'001, 0b0'010'100'0}); }
Artifact ternary(uint8_t first = 227) { return integers(Coding::kFewBits, 3, 7, {first, 3}); }
// Two rows of five inputs in groups of two: 2·{1, −3}, 1·{3, 1}, 1·{0} and 1·{0, 0}, 5·{2, 1}, 3·{−3}; multipliers and codes in three bits.
Artifact groups(GroupsHeader header = {5, 1, 2, 3}) {
  std::vector<uint8_t> bytes(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  for (const unsigned byte : {0x4a, 0xd2, 0x01, 0xe9, 0x02, 0x40, 0x29}) bytes.push_back(static_cast<uint8_t>(byte));
  return integers(Coding::kGroups, 8, 10, bytes);
}

Outcome run_on(const Artifact& a) { return run(a, {Array::of<float>({1, 4}, {1, 2, 3, 4})}); }

template <typename F>
std::string broken(Artifact a, const F& change) {
  change(a);
  return run_on(a).message;
}

}  // namespace

TEST_CASE("a 2:4 weight and a bitmap are read as if their zeros were there", "[coding]") {
  const Outcome product = run_on(two_four()), sum = run_on(bitmap());
  REQUIRE(product.message == "");
  REQUIRE(sum.message == "");
  CHECK(product.outputs[0].numbers<float>() == std::vector<float>{2 * 10 + 4 * 7});
  CHECK(sum.outputs[0].numbers<float>() == std::vector<float>{1, 4, 3, 7});
}

TEST_CASE("integers of few levels are read as bytes", "[coding]") {
  const Outcome few = run_on(three_bits()), three = run_on(ternary());
  REQUIRE(few.message == "");
  REQUIRE(three.message == "");
  CHECK(few.outputs[1].numbers<int8_t>() == std::vector<int8_t>{1, -1, 3, -4, 2});
  CHECK(three.outputs[1].numbers<int8_t>() == std::vector<int8_t>{1, -1, 0, 1, 1, -1, 0});
  const Outcome nothing = run_on(integers(Coding::kFewBits, 16, 0, {}));
  CHECK(nothing.message == "");
  const Outcome seven = run_on(integers(Coding::kFewBits, 128, 8, {0xc0, 0x1f, 0, 0, 0, 0, 0}));  // −64, 63, six zeros
  REQUIRE(seven.message == "");
  CHECK(seven.outputs[1].numbers<int8_t>() == std::vector<int8_t>{-64, 63, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("groups of integers are read as the products of multipliers and codes", "[coding]") {
  const Outcome outcome = run_on(groups());
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[1].numbers<int8_t>() == std::vector<int8_t>{2, -6, 3, 1, 0, 0, 0, 10, 5, -9});
  // Five positions of one channel are the same; one row of ten, five positions of two: 2·{1, −3}, 1·{3, 1}, 1·{0, 0}, 1·{0, 2}, 5·{1, −3}, channel by channel.
  CHECK(run_on(groups({5, 5, 2, 3})).outputs[1].numbers<int8_t>() == outcome.outputs[1].numbers<int8_t>());
  Artifact wide = groups({10, 5, 2, 3});
  wide.data[wide.constants[1].offset + 17] = 0x52, wide.constants[1].bytes = 16 + 2 + 4;  // fifteen bits of multipliers, two bytes
  for (size_t i = 0; i < 4; ++i) wide.data[wide.constants[1].offset + 18 + i] = wide.data[wide.constants[1].offset + 19 + i];
  const Outcome one = run_on(wide);
  REQUIRE(one.message == "");
  CHECK(one.outputs[1].numbers<int8_t>() == std::vector<int8_t>{2, 0, -6, 0, 3, 2, 1, 5, 0, -15});
}

TEST_CASE("a bitmap may keep nothing, and be an output", "[coding]") {
  Artifact a = bitmap(0);
  a.constants[0].bytes = 4;
  a.outputs.push_back(1);
  const Outcome outcome = run_on(a);
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].numbers<float>() == std::vector<float>{1, 2, 3, 4});
  CHECK(outcome.outputs[1].numbers<float>() == std::vector<float>{0, 0, 0, 0});
}

TEST_CASE("broken codes are refused with a sentence", "[coding][malformed]") {
  const std::string refusal = "bytes are no code of";
  // Places: the second is the first, or before it.
  for (const uint32_t places : {0x0u, 0x5u, 0xau, 0xfu, 0x1u, 0x7u, 0xbu}) CHECK(run_on(two_four(places)).message.find(refusal) != std::string::npos);
  for (const uint32_t bits : {0u, 0b1u, 0b1011u, 0b1111u}) CHECK(run_on(bitmap(bits)).message.find(refusal) != std::string::npos);
  const auto refused = [&](const Artifact& a, auto change) { return broken(a, change).find(refusal) != std::string::npos; };
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].coding = 5; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].coding = 255; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].element_bytes = 3; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].element_bytes = 0; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].packing = static_cast<uint8_t>(Packing::kDepthwise16); }));
  for (const uint32_t k : {0u, 3u, 6u, 8u, 0xfffffffcu}) CHECK(refused(two_four(), [k](Artifact& a) { a.constants[0].count = k; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].bytes -= 12; }));  // fifteen rows
  CHECK(refused(bitmap(), [](Artifact& a) { a.constants[0].bytes = 3; }));
  CHECK(refused(bitmap(), [](Artifact& a) { a.constants[0].bytes -= 1; }));
  CHECK(refused(bitmap(), [](Artifact& a) { a.constants[0].count = 0xffffffffu; }));
  for (const unsigned levels : {0u, 1u, 2u, 5u, 7u, 12u, 129u, 255u}) CHECK(refused(three_bits(), [levels](Artifact& a) { a.constants[1].levels = static_cast<uint8_t>(levels); }));
  for (const unsigned element : {0u, 2u, 4u}) CHECK(refused(three_bits(), [element](Artifact& a) { a.constants[1].element_bytes = static_cast<uint8_t>(element); }));
  for (const uint32_t count : {0u, 2u, 6u, 0xffffffffu}) CHECK(refused(three_bits(), [count](Artifact& a) { a.constants[1].count = count; }));
  for (const uint32_t count : {0u, 5u, 11u, 0xffffffffu}) CHECK(refused(ternary(), [count](Artifact& a) { a.constants[1].count = count; }));
  CHECK(refused(three_bits(), [](Artifact& a) { a.constants[1].bytes = 1; }));
  for (const unsigned byte : {243u, 255u}) CHECK(run_on(ternary(static_cast<uint8_t>(byte))).message.find(refusal) != std::string::npos);  // no five digits
  for (const GroupsHeader header : {GroupsHeader{0, 1, 2, 3}, {4, 1, 2, 3}, {3, 1, 2, 3}, {10, 1, 2, 3}, {5, 0, 2, 3}, {5, 2, 2, 3}, {5, 0xffffffffu, 2, 3}, {5, 1, 0, 3}, {5, 1, 1, 3}, {5, 1, 3, 3},
                                    {5, 1, 2, 0}, {5, 1, 2, 2}, {5, 1, 2, 8}, {5, 1, 2, 0xffffffffu}, {0xffffffffu, 1, 2, 3}})
    CHECK(run_on(groups(header)).message.find(refusal) != std::string::npos);
  CHECK(refused(groups(), [](Artifact& a) { a.constants[1].bytes = 15; }));
  CHECK(refused(groups(), [](Artifact& a) { a.constants[1].bytes -= 1; }));
  for (const uint32_t count : {0u, 5u, 9u, 15u, 0xfffffffbu}) CHECK(refused(groups(), [count](Artifact& a) { a.constants[1].count = count; }));
  for (const Packing packing : {Packing::kPanel16, Packing::kPanel16x4, Packing::kDepthwise16}) CHECK(refused(groups(), [packing](Artifact& a) { a.constants[1].packing = static_cast<uint8_t>(packing); }));
  const auto with_byte = [&](size_t at, uint8_t value) { return refused(groups(), [&](Artifact& a) { a.data[a.constants[1].offset + at] = value; }); };
  CHECK(with_byte(16, 0x48));  // the first multiplier is 0
  CHECK_FALSE(with_byte(16, 0x4f));
  const auto single = [&](uint8_t levels, uint8_t multiplier) {  // of one input, whose code is 0
    return run_on(integers(Coding::kGroups, levels, 1, {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, multiplier, static_cast<uint8_t>(levels == 3 ? 1 : 0)})).message;
  };
  for (const auto& [levels, most] : {std::pair{3, 127}, {4, 64}, {8, 32}, {16, 16}, {32, 8}, {64, 4}, {128, 2}}) {  // a multiplier times any code is a byte
    CHECK(single(static_cast<uint8_t>(levels), static_cast<uint8_t>(most)) == "");
    if (most < 127) CHECK(single(static_cast<uint8_t>(levels), static_cast<uint8_t>(most + 1)).find(refusal) != std::string::npos);
  }
  // Whole, and too small for what it stands for.
  CHECK(broken(two_four(), [](Artifact& a) { a.dims[a.values[2].first_dim + 1] = {17, 0, 0}; }).find("has 256 bytes, expected 512") != std::string::npos);
  CHECK(broken(bitmap(), [](Artifact& a) { a.dims[a.values[1].first_dim] = {5, 0, 0}; }).find("needs 20 bytes, its constant has 16") != std::string::npos);
  CHECK(broken(bitmap(), [](Artifact& a) { a.constants[0].coding = 0; }).find("needs 16 bytes, its constant has 12") != std::string::npos);
}

TEST_CASE("no single flipped byte of a coded artifact crashes the reader", "[coding][malformed]") {
  for (const std::vector<uint8_t>& good : {two_four().bytes(), bitmap().bytes(), three_bits().bytes(), ternary().bytes(), groups().bytes()}) {
    int refused = 0;
    for (size_t at = sizeof(FileHeader); at < good.size(); ++at) {
      std::vector<uint8_t> file = good;
      file[at] ^= 1 << at % 8;
      Artifact::seal(file);
      refused += run_bytes(file, {Array::of<float>({1, 4}, {1, 2, 3, 4})}).message.empty() ? 0 : 1;
    }
    CHECK(refused > 100);
  }
}
