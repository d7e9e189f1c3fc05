// Constants without their zeros, from artifacts that a reader can check by hand, and broken ones.
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
  const std::string refusal = "elements with their zeros left out";
  // Places: the second is the first, or before it.
  for (const uint32_t places : {0x0u, 0x5u, 0xau, 0xfu, 0x1u, 0x7u, 0xbu}) CHECK(run_on(two_four(places)).message.find(refusal) != std::string::npos);
  for (const uint32_t bits : {0u, 0b1u, 0b1011u, 0b1111u}) CHECK(run_on(bitmap(bits)).message.find(refusal) != std::string::npos);
  const auto refused = [&](const Artifact& a, auto change) { return broken(a, change).find(refusal) != std::string::npos; };
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].coding = 3; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].element_bytes = 3; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].element_bytes = 0; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].packing = static_cast<uint8_t>(Packing::kDepthwise16); }));
  for (const uint32_t k : {0u, 3u, 6u, 8u, 0xfffffffcu}) CHECK(refused(two_four(), [k](Artifact& a) { a.constants[0].count = k; }));
  CHECK(refused(two_four(), [](Artifact& a) { a.constants[0].bytes -= 12; }));  // fifteen rows
  CHECK(refused(bitmap(), [](Artifact& a) { a.constants[0].bytes = 3; }));
  CHECK(refused(bitmap(), [](Artifact& a) { a.constants[0].bytes -= 1; }));
  CHECK(refused(bitmap(), [](Artifact& a) { a.constants[0].count = 0xffffffffu; }));
  // Whole, and too small for what it stands for.
  CHECK(broken(two_four(), [](Artifact& a) { a.dims[a.values[2].first_dim + 1] = {17, 0, 0}; }).find("has 256 bytes, expected 512") != std::string::npos);
  CHECK(broken(bitmap(), [](Artifact& a) { a.dims[a.values[1].first_dim] = {5, 0, 0}; }).find("needs 20 bytes, its constant has 16") != std::string::npos);
  CHECK(broken(bitmap(), [](Artifact& a) { a.constants[0].coding = 0; }).find("needs 16 bytes, its constant has 12") != std::string::npos);
}

TEST_CASE("no single flipped byte of a coded artifact crashes the reader", "[coding][malformed]") {
  for (const std::vector<uint8_t>& good : {two_four().bytes(), bitmap().bytes()}) {
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
