// Weights without their zeros or in few bits: the code by hand, its meaning for a sparse tensor core, and back through the runtime's decoder.
#include "backends/artifact/coding.h"

#include <cstring>

#include "backends/cpu/lower.h"
#include "backends/cpu/pack.h"
#include "backends/runtime/coding.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Encoding pattern(Encoding::Sparsity kind, int n = 0, int m = 0) {
  Encoding e;
  e.sparsity = kind, e.n = n, e.m = m;
  return e;
}
const Encoding kTwoFour = pattern(Encoding::Sparsity::kNofM, 2, 4), kAny = pattern(Encoding::Sparsity::kUnstructured);

template <typename T>
T number(const Code& code, size_t byte) {
  T out;
  std::memcpy(&out, code.bytes.data() + byte, sizeof out);
  return out;
}

template <typename T>
Code coded(const Encoding& e, rt::Packing packing, int64_t inputs, const std::vector<T>& packed) {
  return shortest_code(e, packing, static_cast<rt::DType>(dtype_of<T>()), inputs, std::as_bytes(std::span(packed)));
}

// What the runtime makes of it, as the type that was packed; empty when it refuses it.
template <typename T>
std::vector<T> decoded(const Code& code, rt::Packing packing) {
  const rt::ConstantRecord record{0, code.bytes.size(), static_cast<uint8_t>(packing), static_cast<uint8_t>(code.coding), code.element_bytes, code.levels, code.count};
  const auto* bytes = reinterpret_cast<const uint8_t*>(code.bytes.data());
  if (!rt::check_code(record, bytes)) return {};
  std::vector<T> out(rt::decoded_bytes(record) / sizeof(T), T(99));
  rt::decode(record, bytes, reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

// [O, K] with at most two numbers in every four.
Tensor two_of_four(int64_t rows, int64_t k) {
  Tensor w = Tensor::zeros(DType::kF32, {rows, k, 1, 1});
  const auto values = w.mutable_values<float>();
  uint32_t random = 7;
  for (size_t four = 0; four < values.size() / 4; ++four)
    for (int i = 0; i < 2; ++i) {
      random = random * 1664525 + 1013904223;
      values[4 * four + random / (1u << 30)] = static_cast<float>(random % 1000) - 500;
    }
  return w;
}

}  // namespace

TEST_CASE("2:4 keeps two numbers of four and two places of two bits") {
  // Three fours of one channel: inputs 1 and 3; input 2 alone; none. −0 is a zero.
  const Tensor w = Tensor::of<float>({1, 12, 1, 1}, {0, 5, -0.0F, 6, 0, 0, 7, 0, 0, 0, 0, 0});
  const auto packed = lowering::pack_panels(w, 1);
  const Code code = coded(kTwoFour, rt::Packing::kPanel16, 12, packed);
  CHECK(code.coding == rt::Coding::kTwoFour);
  CHECK(code.count == 12);
  REQUIRE(code.bytes.size() == 16 * 6 * 4 + 16 * 4);  // sixteen rows, fifteen of them padding
  const std::vector<float> first{5, 6, 0, 7, 0, 0};
  for (size_t i = 0; i < first.size(); ++i) CHECK(number<float>(code, 4 * i) == first[i]);
  CHECK(number<uint32_t>(code, 16 * 6 * 4) == 0x4444448du);  // 1101: 1 and 3; 1000: 0 and 2; 0100: 0 and 1, also where there is nothing
  CHECK(number<uint32_t>(code, 16 * 6 * 4 + 4) == 0x44444444u);
  CHECK(decoded<float>(code, rt::Packing::kPanel16) == packed);
}

TEST_CASE("2:4 numbers and places are the operand A and the metadata of mma.sp") {
  const int64_t rows = 20, k = 40;
  const Tensor w = two_of_four(rows, k);
  const Code code = coded(kTwoFour, rt::Packing::kPanel16, k, lowering::pack_panels(w, 1));
  REQUIRE(code.coding == rt::Coding::kTwoFour);
  // D[i] = Σ A[i][j] · B[4·(j/2) + place of j]; B[k] = k + 1.
  for (int64_t i = 0; i < rows; ++i) {
    float sparse = 0, dense = 0;
    for (int64_t j = 0; j < k / 2; ++j) {
      const auto word = number<uint32_t>(code, 32 * (k / 2) * 4 + (i * 2 + j / 16) * 4);  // 32 rows, two words each
      const int64_t place = word >> (2 * (j % 16)) & 3;
      sparse += number<float>(code, (i * (k / 2) + j) * 4) * static_cast<float>(j / 2 * 4 + place + 1);
    }
    for (int64_t j = 0; j < k; ++j) dense += w.data<float>()[i * k + j] * static_cast<float>(j + 1);
    CHECK(sparse == dense);
  }
}

TEST_CASE("codes come back as they were, in every packing and width") {
  const Tensor w = two_of_four(19, 36);
  const auto f32 = lowering::pack_panels(w, 1);
  std::vector<int8_t> small(w.values<float>().size());
  for (size_t i = 0; i < small.size(); ++i) small[i] = static_cast<int8_t>(w.values<float>()[i] / 4);
  small[0] = small[1] = -128, small[2] = small[3] = 0;  // all bits but the sign are zero, and it is none
  const Tensor q = Tensor::of<int8_t>({19, 36, 1, 1}, std::span<const int8_t>(small));
  const auto s8 = lowering::pack_panels_s8(q, 1);
  CHECK(decoded<float>(coded(kTwoFour, rt::Packing::kPanel16, 36, f32), rt::Packing::kPanel16) == f32);
  CHECK(decoded<int8_t>(coded(kTwoFour, rt::Packing::kPanel16x4, 36, s8), rt::Packing::kPanel16x4) == s8);
  CHECK(decoded<float>(coded(kAny, rt::Packing::kPanel16, 36, f32), rt::Packing::kPanel16) == f32);
  CHECK(decoded<int8_t>(coded(kAny, rt::Packing::kPanel16x4, 36, s8), rt::Packing::kPanel16x4) == s8);
  const std::vector<int8_t> halves{0, 1, 0, -128, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0};  // eight of 16 bits: 256, −0, 0, 1027, 0 …
  const Code half = shortest_code(kAny, rt::Packing::kPlain, rt::DType::kF16, 0, std::as_bytes(std::span(halves)));
  CHECK(half.bytes.size() == 4 + 2 * 2);  // a word of bits, two numbers
  CHECK(decoded<int8_t>(half, rt::Packing::kPlain) == std::vector<int8_t>{0, 1, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("a bitmap is taken where it saves a tenth, and where 2:4 does not fit") {
  std::vector<float> packed(320, 1.0F);
  const auto zero = [&](size_t count) { std::fill_n(packed.begin(), count, 0.0F); };
  zero(20);
  CHECK(coded(kAny, rt::Packing::kPlain, 0, packed).coding == rt::Coding::kNone);
  zero(80);
  const Code quarter = coded(kAny, rt::Packing::kPlain, 0, packed);
  CHECK(quarter.coding == rt::Coding::kBitmap);
  CHECK(quarter.bytes.size() == 320 / 8 + 240 * 4);
  CHECK(number<uint32_t>(quarter, 4 * 2) == 0xffff0000u);
  CHECK(coded(Encoding{}, rt::Packing::kPlain, 0, packed).coding == rt::Coding::kNone);  // no pattern promised: mapped as it is
  const Tensor three = Tensor::of<float>({1, 4, 1, 1}, {1, 2, 3, 0});
  CHECK(coded(kTwoFour, rt::Packing::kPanel16, 4, lowering::pack_panels(three, 1)).coding == rt::Coding::kBitmap);
  const Tensor odd = Tensor::of<float>({1, 3, 1, 1}, {1, 0, 0});
  CHECK(coded(kTwoFour, rt::Packing::kPanel16, 3, lowering::pack_panels(odd, 1)).coding == rt::Coding::kBitmap);
  std::fill(packed.begin(), packed.end(), 0.0F);
  CHECK(decoded<float>(coded(kAny, rt::Packing::kPlain, 0, packed), rt::Packing::kPlain) == packed);  // nothing is kept
  CHECK(coded(kAny, rt::Packing::kPlain, 0, std::vector<float>()).coding == rt::Coding::kNone);
}

TEST_CASE("few levels: bits from the lowest of each byte on, and five of three levels a byte") {
  using Bytes = std::vector<uint8_t>;
  const auto bytes_of = [](const Code& code) { return Bytes(reinterpret_cast<const uint8_t*>(code.bytes.data()), reinterpret_cast<const uint8_t*>(code.bytes.data()) + code.bytes.size()); };
  const auto plain = [](const std::vector<int8_t>& q) { return coded(Encoding{}, rt::Packing::kPlain, 0, q); };
  const Code three = plain({1, -1, 3, -4});  // 001, 111, 011, 100
  CHECK(three.coding == rt::Coding::kFewBits);
  CHECK(three.levels == 8);
  CHECK(three.count == 4);
  CHECK(bytes_of(three) == Bytes{0b11'111'001, 0b1000});
  const Code ternary = plain({1, -1, 0, 1, 1, -1, 0});  // 2 + 0·3 + 1·9 + 2·27 + 2·81, then 0 + 1·3
  CHECK(ternary.levels == 3);
  CHECK(bytes_of(ternary) == Bytes{227, 3});
  CHECK(plain({-2, 1, 0, 0}).levels == 4);
  CHECK(plain({2, 0, 0, 0}).levels == 8);
  const auto ends = [&](int8_t low, int8_t high) {  // eight numbers
    return plain({low, high, 0, 0, 0, 0, 0, 0});
  };
  CHECK(ends(-64, 63).levels == 128);
  CHECK(ends(-64, 63).bytes.size() == 7);
  CHECK(ends(-65, 0).coding == rt::Coding::kNone);
  CHECK(ends(0, 64).coding == rt::Coding::kNone);
  CHECK(plain({1, 2, 3}).coding == rt::Coding::kFewBits);           // nine bits in two bytes of three
  CHECK(plain({63}).coding == rt::Coding::kNone);                   // seven bits are a byte
  CHECK(plain({0, 0, 0, 0, 0, 0}).bytes.size() == 2);               // nothing but zeros, without a promise of any
  CHECK(plain({}).coding == rt::Coding::kNone);
}

TEST_CASE("codes of every width come back, whatever their number") {
  uint32_t random = 3;
  for (int bits = 2; bits <= 7; ++bits)
    for (const bool symmetric : {true, false})
      for (size_t count = 40; count < 56; ++count) {
        const int half = 1 << (bits - 1);
        std::vector<int8_t> q(count);
        for (int8_t& number : q) number = static_cast<int8_t>(static_cast<int>((random = random * 1664525 + 1013904223) >> 16) % (symmetric ? 2 * half - 1 : 2 * half) - half + symmetric);
        q[0] = static_cast<int8_t>(half - 1), q[16] = static_cast<int8_t>(symmetric ? 1 - half : -half);
        const Code code = coded(Encoding{}, rt::Packing::kDepthwise16, 0, q);
        CAPTURE(bits, symmetric, count);
        CHECK(static_cast<int>(code.levels) == (bits == 2 && symmetric ? 3 : 1 << bits));
        CHECK(decoded<int8_t>(code, rt::Packing::kDepthwise16) == q);
      }
}

// [O, C, kh, kw] of int`bits` codes times the multipliers 1 … most of their groups, in panels.
struct Grouped {
  Encoding encoding;
  std::vector<int8_t> panels;
  int64_t inputs, positions;
};

Grouped grouped(const std::vector<int64_t>& shape, int bits, int64_t group, int most) {
  const int limit = (1 << (bits - 1)) - 1;
  uint32_t random = 11;
  const auto draw = [&](int from, int to) { return static_cast<int>(((random = random * 1664525 + 1013904223) >> 16) % static_cast<uint32_t>(to - from + 1)) + from; };
  Grouped g{{}, {}, shape[1] * shape[2] * shape[3], shape[2] * shape[3]};
  g.encoding.bits = bits, g.encoding.group_size = group;
  Tensor products = Tensor::zeros(DType::kS8, shape);
  const auto q = products.mutable_values<int8_t>();
  for (int64_t i = 0, m = 0; i < products.elements(); ++i) {
    if (i % g.inputs % group == 0) m = draw(1, most);
    q[i] = static_cast<int8_t>(m * draw(-limit, limit));
  }
  g.panels = lowering::pack_panels_s8(products, 1);
  return g;
}

Code coded(const Grouped& g) { return shortest_code(g.encoding, rt::Packing::kPanel16x4, rt::DType::kS8, g.inputs, std::as_bytes(std::span(g.panels)), g.positions); }

TEST_CASE("groups come back as they were, with odd sizes and a last group that is shorter") {
  for (const int bits : {2, 3, 4, 5, 6})
    for (const auto& shape : {std::vector<int64_t>{16, 16, 3, 3}, {19, 5, 3, 3}, {3, 64, 1, 1}}) {
      const Grouped g = grouped(shape, bits, 16, std::min(15, 127 / ((1 << (bits - 1)) - 1)));
      const Code code = coded(g);
      CAPTURE(bits, shape[0], g.inputs);
      CHECK(code.coding == rt::Coding::kGroups);
      CHECK(decoded<int8_t>(code, rt::Packing::kPanel16x4) == g.panels);
    }
}

TEST_CASE("groups take their codes, four bits of each multiplier, and a header") {
  const Grouped g = grouped({16, 16, 3, 3}, 3, 16, 15);
  CHECK(coded(g).bytes.size() == 16 + 16 * 9 / 2 + 16 * 144 * 3 / 8);
  const Grouped two = grouped({16, 16, 3, 3}, 2, 16, 15);
  CHECK(coded(two).bytes.size() == 16 + 16 * 9 / 2 + (16 * 144 + 4) / 5);
}

TEST_CASE("numbers that are no multiple of few levels are not coded in groups, and a divisor is the smallest that will do") {
  Grouped g = grouped({16, 16, 3, 3}, 3, 16, 15);
  g.panels[0] = 127;  // channel 0, its first input: a prime, too large for a code
  CHECK(coded(g).coding == rt::Coding::kNone);
  const std::vector<int8_t> row{12, -12, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0};
  std::vector<int8_t> rows;
  for (int i = 0; i < 8; ++i) rows.insert(rows.end(), row.begin(), row.end());
  Encoding e;
  e.bits = 3, e.group_size = 8;
  const Code code = coded(e, rt::Packing::kPlain, 32, rows);
  REQUIRE(code.coding == rt::Coding::kGroups);
  CHECK(number<rt::GroupsHeader>(code, 0).multiplier_bits == 4);  // 4, 2, 1, 14
  CHECK((number<uint16_t>(code, 16) & 0xffff) == (4 | 2 << 4 | 1 << 8 | 14 << 12));
  CHECK(decoded<int8_t>(code, rt::Packing::kPlain) == rows);
  CHECK(coded(e, rt::Packing::kDepthwise16, 32, rows).coding == rt::Coding::kFewBits);  // no channel's inputs lie together there
}

TEST_CASE("of zeros and few levels the shorter code is taken") {
  std::vector<int8_t> q(800);
  const auto coding = [&] { return coded(kAny, rt::Packing::kPlain, 0, q).coding; };
  for (size_t i = 0; i < q.size(); ++i) q[i] = i % 2 == 0 ? 3 : 0;
  CHECK(coding() == rt::Coding::kFewBits);  // 3 bits against 1 + 8/2
  for (size_t i = 0; i < q.size(); ++i) q[i] = i % 8 == 0 ? 3 : 0;
  CHECK(coding() == rt::Coding::kBitmap);  // against 1 + 8/8
}

TEST_CASE("the artifact takes half of the bytes under 2:4, a fifth and a bit under 80 %") {
  const auto size = [](const char* weight) {
    auto module = parse(std::string("module m (%x : f32[N,256]) -> (%y) symbols N in [1, 16] {\n  @w : ") + weight + " = random(1)\n  %y = linear(%x, @w)\n}");
    INFO((module ? "" : module.error().message));
    REQUIRE(module);
    const auto w = module->weights.find("w")->second.data.mutable_values<float>();
    const size_t keep = module->weights.find("w")->second.encoding.sparsity == Encoding::Sparsity::kNofM ? 2 : 1, of = keep == 2 ? 4 : 5;
    for (size_t i = 0; i < w.size(); ++i)
      if (i % of >= keep) w[i] = 0;
    const auto bytes = lower(*module);
    REQUIRE(bytes);
    return bytes->size();
  };
  const size_t numbers = 64 * 256, dense = size("f32[64,256]");
  const auto about = [](size_t found, size_t expected) { return found + 192 >= expected && found <= expected + 192; };
  CHECK(about(dense - size("f32[64,256] sparse(2:4)"), numbers * 4 - numbers / 2 * 4 - numbers / 8));
  CHECK(about(dense - size("f32[64,256] sparse(unstructured)"), numbers * 4 - (numbers + 4) / 5 * 4 - numbers / 8));
}
